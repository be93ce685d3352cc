#ifndef PEREGRINE_CLIENT_COMMAND_HTTP_GET_H_
#define PEREGRINE_CLIENT_COMMAND_HTTP_GET_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace peregrine::client {

struct HttpAnswer {
  int code = 0;
  std::string body;  // the first 64 KiB
};

// What a server of HTTP at `address`, HOST:PORT, answers to GET `path`, without
// encryption: for probes of a server's pages. INVALID_ARGUMENT: no such
// address. UNAVAILABLE, DEADLINE_EXCEEDED: no answer, or none in time.
absl::StatusOr<HttpAnswer> HttpGet(const std::string& address,
                                   const std::string& path,
                                   absl::Time deadline);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_COMMAND_HTTP_GET_H_
