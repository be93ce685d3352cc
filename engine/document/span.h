#ifndef PEREGRINE_ENGINE_DOCUMENT_SPAN_H_
#define PEREGRINE_ENGINE_DOCUMENT_SPAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace peregrine::document {

// What a protected span is. Each kind can be switched off.
enum class SpanKind : uint8_t {
  kUrl,          // with or without scheme; also IP addresses
  kEmail,        //
  kPath,         // files and folders
  kPlaceholder,  // {x}, {{x.y}}, ${x}, %s, %1$s, %(x)d, {0,number}, <x/>
  kShortcode,    // :smile:
  kMention,      // @name
  kTag,          // #topic
  kVersion,      // 1.2.3, RTX-4090
  kCode,         // in backticks
  kEmoji,        // with modifiers, as one
  kUnknown,      // characters outside the vocabulary
  kNumber,       // by its digits
  kPattern,      // found by a pattern of the model, the server or the request
  kRange,        // named by the caller, by bytes
  kTerm,         // of a glossary, or not to be translated
};
inline constexpr int kNumSpanKinds = 15;

// "url", "email", ...
absl::string_view SpanKindName(SpanKind kind);
absl::optional<SpanKind> SpanKindByName(absl::string_view name);

// A set of kinds.
class SpanKinds {
 public:
  static SpanKinds All() { return SpanKinds((1u << kNumSpanKinds) - 1); }
  static SpanKinds None() { return SpanKinds(0); }

  bool Has(SpanKind kind) const { return (bits_ >> Bit(kind)) & 1u; }
  void Add(SpanKind kind) { bits_ |= 1u << Bit(kind); }
  void Remove(SpanKind kind) { bits_ &= ~(1u << Bit(kind)); }

 private:
  explicit SpanKinds(uint32_t bits) : bits_(bits) {}
  static int Bit(SpanKind kind) { return static_cast<int>(kind); }
  uint32_t bits_;
};

// Bytes of a text.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin >= end; }
  size_t size() const { return empty() ? 0 : end - begin; }
};

struct Span {
  ByteRange range;
  SpanKind kind = SpanKind::kUrl;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_SPAN_H_
