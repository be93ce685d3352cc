#ifndef PEREGRINE_SERVER_PORT_FILE_H_
#define PEREGRINE_SERVER_PORT_FILE_H_

#include <string>

#include "absl/status/status.h"

namespace peregrine::server {

// Writes the lines `grpc PORT` and, unless 0, `metrics PORT`. Whoever waits for
// the file sees all of it or nothing. No `path`: does nothing.
absl::Status WritePortFile(const std::string& path, int grpc_port,
                           int metrics_port);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PORT_FILE_H_
