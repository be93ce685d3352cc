#ifndef PEREGRINE_ENGINE_TEXT_SENTENCE_SPLITTER_H_
#define PEREGRINE_ENGINE_TEXT_SENTENCE_SPLITTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/text/sentence_boundaries.h"

namespace peregrine::text {

// One sentence and the white space that follows it; both view the split text.
struct SentenceSegment {
  absl::string_view sentence;   // no white space at either end
  absl::string_view separator;  // white space only; may be empty
};

// Splits a text into sentences by the rules of its language, without splitting
// after abbreviations ("Dr. Smith", "z. B.") and initials. A line break always
// ends a sentence.
//
// Immutable and thread-safe.
class SentenceSplitter {
 public:
  // `language` is a BCP 47 tag such as "de" or "pt-BR"; "" is any language.
  // INVALID_ARGUMENT: not a BCP 47 tag. A language that has no abbreviations
  // here gets the rules that all share, which know the full stops of all
  // scripts.
  static absl::StatusOr<std::unique_ptr<SentenceSplitter>> Create(
      absl::string_view language);

  // The segments of `text`, in order: joining every sentence and separator
  // gives `text` back, byte for byte. Only the first segment may have an empty
  // sentence, and does if `text` starts with white space. Text that is not
  // UTF-8 is split too, its bad bytes being part of the sentences.
  std::vector<SentenceSegment> Split(absl::string_view text) const;

 private:
  explicit SentenceSplitter(absl::string_view language)
      : boundaries_(language) {}

  const SentenceBoundaries boundaries_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_SENTENCE_SPLITTER_H_
