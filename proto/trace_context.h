#ifndef PEREGRINE_PROTO_TRACE_CONTEXT_H_
#define PEREGRINE_PROTO_TRACE_CONTEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace peregrine {

// A span of a distributed trace, as the metadata of calls name it: W3C Trace
// Context, https://www.w3.org/TR/trace-context-2/.
struct TraceContext {
  std::string trace_id;  // 32 digits of lower-case hexadecimal
  std::string span_id;   // 16 of them; of a `traceparent`, the span that calls
  uint8_t flags = 0;     // bit 0: sampled; bit 1: the trace id is random
};

// Reads a `traceparent`, of any version. One that is not valid is none, as the
// specification wants it.
absl::optional<TraceContext> ParseTraceparent(absl::string_view header);

// The value of a `traceparent` or `traceresponse`, in version 00, with the
// flags that it knows.
std::string FormatTraceContext(const TraceContext& context);

}  // namespace peregrine

#endif  // PEREGRINE_PROTO_TRACE_CONTEXT_H_
