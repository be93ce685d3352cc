#ifndef PEREGRINE_SERVER_SERVICE_CALL_IDS_H_
#define PEREGRINE_SERVER_SERVICE_CALL_IDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/server_context.h"

namespace peregrine::server {

// What ties a call to the logs of those who made it.
struct CallIds {
  std::string request_id;  // of `x-request-id`, or a new one
  std::string trace_id;    // of `traceparent`; empty if there is none
  std::string parent_id;   // likewise: the span that called
};

CallIds IdsOf(const grpc::ServerContextBase& context);

// Whether a caller's request id is taken: 1 to 128 letters, digits and -_.:
bool IsRequestId(absl::string_view text);

// Reads a `traceparent` of W3C Trace Context, any version. One that is not
// valid is none, as the specification wants it.
void ReadTraceparent(absl::string_view header, CallIds& ids);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_IDS_H_
