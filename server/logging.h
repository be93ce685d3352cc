#ifndef PEREGRINE_SERVER_LOGGING_H_
#define PEREGRINE_SERVER_LOGGING_H_

#include <string>

namespace peregrine::server {

// Sends the program's log, and those of gRPC and Protobuf, to stderr. `level`
// is one of the names of the flag --log-level. No log line ever holds the text
// of a request.
void InitLogging(const std::string& level);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_LOGGING_H_
