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

absl::string_view Find(const grpc::ServerContextBase& context,
                       const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  return found == metadata.end()
             ? absl::string_view()
             : absl::string_view(found->second.data(), found->second.size());
}

}  // namespace

CallIds IdsOf(const grpc::ServerContextBase& context) {
  CallIds ids;
  const absl::string_view given = Find(context, "x-request-id");
  ids.request_id = IsRequestId(given) ? std::string(given)
                                      : absl::StrCat(RandomId(), RandomId());
  ids.parent = ParseTraceparent(Find(context, "traceparent"));
  if (ids.parent.has_value()) ids.span_id = RandomId();
  return ids;
}

void SendIds(const CallIds& ids, grpc::ServerContextBase& context) {
  context.AddTrailingMetadata("x-request-id", ids.request_id);
  if (!ids.parent.has_value()) return;
  TraceContext own = *ids.parent;
  own.span_id = ids.span_id;
  context.AddTrailingMetadata("traceresponse", FormatTraceContext(own));
}

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' ||
                  c == ':';
         });
}

}  // namespace peregrine::server
