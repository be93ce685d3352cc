#include "proto/trace_context.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace peregrine {
namespace {

// VERSION-TRACE-SPAN-FLAGS, in lower-case hexadecimal.
constexpr size_t kVersionDigits = 2;
constexpr size_t kTraceDigits = 32;
constexpr size_t kSpanDigits = 16;
constexpr size_t kFlagsDigits = 2;
constexpr size_t kTraceStart = kVersionDigits + 1;
constexpr size_t kSpanStart = kTraceStart + kTraceDigits + 1;
constexpr size_t kFlagsStart = kSpanStart + kSpanDigits + 1;
constexpr size_t kLength = kFlagsStart + kFlagsDigits;

constexpr uint8_t kKnownFlags = 0x03;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  });
}

bool IsZero(absl::string_view text) {
  return text.find_first_not_of('0') == absl::string_view::npos;
}

}  // namespace

absl::optional<TraceContext> ParseTraceparent(absl::string_view header) {
  if (header.size() < kLength) return absl::nullopt;
  const absl::string_view version = header.substr(0, kVersionDigits);
  const absl::string_view trace = header.substr(kTraceStart, kTraceDigits);
  const absl::string_view span = header.substr(kSpanStart, kSpanDigits);
  const absl::string_view flags = header.substr(kFlagsStart, kFlagsDigits);
  // Later versions may go on after the flags.
  const bool ends =
      header.size() == kLength || (version != "00" && header[kLength] == '-');
  const bool dashes = header[kTraceStart - 1] == '-' &&
                      header[kSpanStart - 1] == '-' &&
                      header[kFlagsStart - 1] == '-';
  if (!ends || !dashes || version == "ff" || !IsLowerHex(version) ||
      !IsLowerHex(trace) || !IsLowerHex(span) || !IsLowerHex(flags) ||
      IsZero(trace) || IsZero(span)) {
    return absl::nullopt;
  }
  TraceContext context;
  context.trace_id = std::string(trace);
  context.span_id = std::string(span);
  context.flags = static_cast<uint8_t>(absl::HexStringToBytes(flags)[0]);
  return context;
}

std::string FormatTraceContext(const TraceContext& context) {
  return absl::StrCat("00-", context.trace_id, "-", context.span_id, "-",
                      absl::Hex(context.flags & kKnownFlags, absl::kZeroPad2));
}

}  // namespace peregrine
