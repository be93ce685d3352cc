#ifndef PEREGRINE_SERVER_SERVICE_CALL_IDS_H_
#define PEREGRINE_SERVER_SERVICE_CALL_IDS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "proto/trace_context.h"

namespace peregrine::server {

// What ties a call to the logs of those who made it.
struct CallIds {
  std::string request_id;               // of `x-request-id`, or a new one
  absl::optional<TraceContext> parent;  // of `traceparent`: the span that calls
  std::string span_id;                  // a new one, where there is a parent
};

// Of what the caller gave; empty: nothing.
CallIds MakeCallIds(absl::string_view request_id,
                    absl::string_view traceparent);

// What the caller is told of the span of its call. Empty: it gave none.
std::string TraceResponse(const CallIds& ids);

// Whether a caller's request id is taken: 1 to 128 letters, digits and -_.:
bool IsRequestId(absl::string_view text);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_CALL_IDS_H_
