#ifndef PEREGRINE_ENGINE_DOCUMENT_FIND_SPANS_H_
#define PEREGRINE_ENGINE_DOCUMENT_FIND_SPANS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/span.h"

namespace re2 {
class RE2;
}

namespace peregrine::document {

// Patterns (RE2) whose matches are protected, compiled and checked. Immutable
// and thread-safe.
class SpanPatterns {
 public:
  // INVALID_ARGUMENT names the pattern and what is wrong: its syntax, its size,
  // that it matches nothing at all, or that there are too many.
  static absl::StatusOr<std::shared_ptr<const SpanPatterns>> Compile(
      absl::Span<const std::string> patterns);
  ~SpanPatterns();

  // Appends the matches, none empty.
  void Find(absl::string_view text, std::vector<Span>* spans) const;

  static constexpr size_t kMaxPatterns = 64;
  static constexpr size_t kMaxPatternBytes = 1024;

 private:
  SpanPatterns();
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

// The spans of `kinds` that can be told from the text alone (none of kUnknown,
// kNumber, kRange and kTerm; of kVersion those such as "1.2.3"), in order, none
// overlapping another.
// Each is as long as what it stands in, where that is one word: of
// "file_{n}.txt" all of it; and takes brackets and quotation marks along that
// hold nothing else.
std::vector<Span> FindSpans(
    absl::string_view text, SpanKinds kinds,
    absl::Span<const std::shared_ptr<const SpanPatterns>> patterns = {});

// Those with nothing but punctuation between them, "{a}/{b}", become one: a
// model that sees neither drops what is between. `may_join` is asked of that.
void JoinSpans(absl::string_view text,
               const std::function<bool(const ByteRange& between)>& may_join,
               std::vector<Span>* spans);

// To the ends of the words that they stand in.
void WidenToWords(absl::string_view text, std::vector<Span>* spans);

// Sorts by place, and keeps of those that overlap the first, longest.
void SortAndSeparate(std::vector<Span>* spans);

// What should stand in the translation as it is, but is shown to the model: of
// kNumber (digits with their separators) and kVersion ("1.2.3", "RTX-4090").
std::vector<Span> FindKept(absl::string_view text, SpanKinds kinds);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_FIND_SPANS_H_
