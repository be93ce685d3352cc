#ifndef PEREGRINE_SERVER_PROCESS_PORT_FILE_H_
#define PEREGRINE_SERVER_PROCESS_PORT_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace peregrine::server {

struct NamedPort {
  const char* name;
  int port;  // 0: none
};

// Writes a line `NAME PORT` for each port that there is. Whoever waits for the
// file sees all of it or nothing. No `path`: does nothing.
absl::Status WritePortFile(const std::string& path,
                           absl::Span<const NamedPort> ports);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_PORT_FILE_H_
