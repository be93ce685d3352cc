#ifndef PEREGRINE_SERVER_SERVICE_CALL_IDS_H_
#define PEREGRINE_SERVER_SERVICE_CALL_IDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "grpcpp/server_context.h"
#include "proto/trace_context.h"

namespace peregrine::server {

// What ties a call to the logs of those who made it.
struct CallIds {
  std::string request_id;               // of `x-request-id`, or a new one
  absl::optional<TraceContext> parent;  // of `traceparent`: the span that calls
  std::string span_id;                  // a new one, where there is a parent
};

CallIds IdsOf(const grpc::ServerContextBase& context);

// Tells the caller its request id and its `traceresponse`, before the call
// finishes. In the trailers: a refusal with headers of its own would not be
// repeated by gRPC's clients, which take headers for the beginning of an
// answer.
void SendIds(const CallIds& ids, grpc::ServerContextBase& context);

// Whether a caller's request id is taken: 1 to 128 letters, digits and -_.:
bool IsRequestId(absl::string_view text);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_IDS_H_
