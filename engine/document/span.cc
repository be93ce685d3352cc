#include "engine/document/span.h"

namespace peregrine::document {
namespace {

constexpr absl::string_view kNames[kNumSpanKinds] = {
    "url",     "email",  "path",    "placeholder", "shortcode",
    "mention", "tag",    "version", "code",        "emoji",
    "unknown", "number", "pattern", "range",       "term"};

}  // namespace

absl::string_view SpanKindName(SpanKind kind) {
  return kNames[static_cast<int>(kind)];
}

absl::optional<SpanKind> SpanKindByName(absl::string_view name) {
  for (int i = 0; i < kNumSpanKinds; ++i) {
    if (kNames[i] == name) return static_cast<SpanKind>(i);
  }
  return absl::nullopt;
}

}  // namespace peregrine::document
