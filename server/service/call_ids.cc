#include "server/service/call_ids.h"

#include <algorithm>
#include <cstdint>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxRequestId = 128;

// 00-TRACE-PARENT-FLAGS, in lower-case hexadecimal.
constexpr size_t kVersionDigits = 2;
constexpr size_t kTraceDigits = 32;
constexpr size_t kParentDigits = 16;
constexpr size_t kTraceStart = kVersionDigits + 1;
constexpr size_t kParentStart = kTraceStart + kTraceDigits + 1;
constexpr size_t kFlagsStart = kParentStart + kParentDigits + 1;
constexpr size_t kLength = kFlagsStart + 2;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  });
}

bool IsZero(absl::string_view text) {
  return text.find_first_not_of('0') == absl::string_view::npos;
}

std::string NewRequestId() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return absl::StrCat(absl::Hex(random(), absl::kZeroPad16),
                      absl::Hex(random(), absl::kZeroPad16));
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
  ids.request_id = IsRequestId(given) ? std::string(given) : NewRequestId();
  ReadTraceparent(Find(context, "traceparent"), ids);
  return ids;
}

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestId &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' ||
                  c == ':';
         });
}

void ReadTraceparent(absl::string_view header, CallIds& ids) {
  if (header.size() < kLength) return;
  const absl::string_view version = header.substr(0, kVersionDigits);
  const absl::string_view trace = header.substr(kTraceStart, kTraceDigits);
  const absl::string_view parent = header.substr(kParentStart, kParentDigits);
  // Later versions may go on after the flags.
  const bool ends =
      header.size() == kLength || (version != "00" && header[kLength] == '-');
  const bool dashes = header[kTraceStart - 1] == '-' &&
                      header[kParentStart - 1] == '-' &&
                      header[kFlagsStart - 1] == '-';
  if (!ends || !dashes || version == "ff" || !IsLowerHex(version) ||
      !IsLowerHex(trace) || !IsLowerHex(parent) ||
      !IsLowerHex(header.substr(kFlagsStart, 2)) || IsZero(trace) ||
      IsZero(parent)) {
    return;
  }
  ids.trace_id = std::string(trace);
  ids.parent_id = std::string(parent);
}

}  // namespace peregrine::server
