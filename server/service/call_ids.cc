#include "server/service/call_ids.h"

#include <algorithm>
#include <cstdint>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxRequestId = 128;

// Sixteen digits of hexadecimal, not all zero.
std::string RandomId() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  uint64_t id = random();
  while (id == 0) id = random();
  return absl::StrCat(absl::Hex(id, absl::kZeroPad16));
}

}  // namespace

CallIds MakeCallIds(absl::string_view request_id,
                    absl::string_view traceparent) {
  CallIds ids;
  ids.request_id = IsRequestId(request_id)
                       ? std::string(request_id)
                       : absl::StrCat(RandomId(), RandomId());
  ids.parent = ParseTraceparent(traceparent);
  if (ids.parent.has_value()) ids.span_id = RandomId();
  return ids;
}

std::string TraceResponse(const CallIds& ids) {
  if (!ids.parent.has_value()) return "";
  TraceContext own = *ids.parent;
  own.span_id = ids.span_id;
  return FormatTraceContext(own);
}

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' ||
                  c == ':';
         });
}

}  // namespace peregrine::server
