#ifndef PEREGRINE_ENGINE_TEXT_SENTENCE_BOUNDARIES_H_
#define PEREGRINE_ENGINE_TEXT_SENTENCE_BOUNDARIES_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/text/abbreviations.h"

namespace peregrine::text {

// Finds where the sentences of a line end: at marks such as ". ! ? 。", with
// the quotation marks and brackets that close behind them. Rules in the order
// of docs/text.md; each looks at one candidate. Immutable and thread-safe.
class SentenceBoundaries {
 public:
  // `language` is an ISO 639 code such as "de".
  explicit SentenceBoundaries(absl::string_view language);

  // The ends of the sentences of `line` but the last, in bytes, ascending.
  // `line` has no line break in it.
  std::vector<std::size_t> Find(absl::string_view line) const;

 private:
  // A mark that may end a sentence.
  struct Candidate {
    std::size_t begin;  // of the sentence
    std::size_t mark;   // where the marks begin
    std::size_t marks_end;
    std::size_t end;   // behind what closes after them
    std::size_t next;  // the next character that is no white space
  };
  struct OpenQuotes;

  bool IsBoundary(absl::string_view line, const Candidate& candidate,
                  const OpenQuotes& open) const;
  bool IsInsideBrackets(absl::string_view line, const Candidate& candidate,
                        const OpenQuotes& open) const;
  std::size_t EndOfClosing(absl::string_view line, std::size_t at,
                           const OpenQuotes& open) const;

  const std::string language_;
  const Abbreviations abbreviations_;
};

// The rules, apart from those of Abbreviations. `next` is what follows the mark
// and what closes behind it, without white space.

// Whether `c` may end a sentence in `language`.
bool IsSentenceMark(int32_t c, absl::string_view language);
// Whether a mark ends a sentence only before white space, as in "a?b".
bool NeedsSpaceBehind(int32_t mark);
// "he cried.", "(when?) did", "– крикнул", but "iPhone" is none.
bool StartsSmall(absl::string_view next);
// What follows a quotation, or several, in Chinese, Japanese and Korean: a
// particle, or a short clause that says who spoke.
bool ContinuesQuotation(absl::string_view next, absl::string_view language);

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_SENTENCE_BOUNDARIES_H_
