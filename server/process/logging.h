#ifndef PEREGRINE_SERVER_PROCESS_LOGGING_H_
#define PEREGRINE_SERVER_PROCESS_LOGGING_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace peregrine::server {

// Sends the program's log, and those of gRPC and Protobuf, to StderrLog. What
// gRPC logs anybody can cause, by connecting: it is limited to some lines a
// second. `level` is one of the names of the flag --log-level. No log line ever
// holds the text of a request.
void InitLogging(const std::string& level);

// Whom the lines of gRPC, which has no addresses in them, are likely to be
// about: `describe` is called for the first line after others were left out.
void SetPeerDescription(std::function<std::string()> describe);

// What others wrote, in a line of the log: without characters that a terminal
// or a log reader would act on, and cut where long.
std::string Loggable(absl::string_view text);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_LOGGING_H_
