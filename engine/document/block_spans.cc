#include "engine/document/block_spans.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <utility>

#include "engine/document/numbers.h"
#include "engine/document/odd_characters.h"
#include "engine/document/span_edges.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Between two unknown words that are one run: "привет, мир".
constexpr size_t kMaxJoint = 4;

bool Overlap(const ByteRange& a, const ByteRange& b) {
  return a.begin < b.end && b.begin < a.end;
}

bool Contains(const ByteRange& outer, const ByteRange& inner) {
  return outer.begin <= inner.begin && inner.end <= outer.end;
}

// White space and punctuation, on one line.
bool IsJoint(absl::string_view text) {
  if (text.size() > kMaxJoint) return false;
  for (size_t at = 0; at < text.size();) {
    const text::Character c = text::FirstCharacter(text.substr(at));
    const bool fits = c.code_point == ' ' || c.code_point == 0xA0 ||
                      (c.code_point >= 0 && u_ispunct(c.code_point));
    if (!fits) return false;
    at += c.size;
  }
  return true;
}

class Finder {
 public:
  Finder(const Block& block, const DocumentOptions& options,
         const VocabularyView& vocabulary)
      : block_(block),
        options_(options),
        vocabulary_(vocabulary),
        text_(block.text) {}

  BlockSpans Find() {
    found_.spans = FindSpans(text_, options_.kinds, options_.patterns);
    JoinSpans(
        text_, [&](const ByteRange& between) { return HasNoMark(between); },
        &spans());
    for (ByteRange range : block_.ranges) {
      WidenToWord(text_, &range);
      spans().push_back({range, SpanKind::kRange});
    }
    SortAndSeparate(&spans());
    AddNumbers();
    std::vector<ByteRange> unknown = vocabulary_.Unknown(text_);
    AddTerms(unknown);
    // What is set aside all the same need not be known.
    Drop(&unknown);
    found_.has_unknown = !unknown.empty();
    if (options_.kinds.Has(SpanKind::kUnknown)) AddUnknown(unknown);
    return std::move(found_);
  }

 private:
  std::vector<Span>& spans() { return found_.spans; }

  // In whole or in part.
  bool IsInSpan(const ByteRange& range) const {
    const auto span = std::upper_bound(
        found_.spans.begin(), found_.spans.end(), range.begin,
        [](size_t at, const Span& s) { return at < s.range.end; });
    return span != found_.spans.end() && span->range.begin < range.end;
  }

  // Neither inside nor at an end.
  bool HasNoMark(const ByteRange& range) const {
    return std::none_of(block_.marks.begin(), block_.marks.end(),
                        [&](const Mark& mark) {
                          return range.begin <= mark.at && mark.at <= range.end;
                        });
  }

  // Those that are in spans.
  void Drop(std::vector<ByteRange>* ranges) const {
    ranges->erase(
        std::remove_if(ranges->begin(), ranges->end(),
                       [&](const ByteRange& range) { return IsInSpan(range); }),
        ranges->end());
  }

  // Long ones, and amounts with the signs of their currencies.
  void AddNumbers() {
    if (!options_.kinds.Has(SpanKind::kNumber)) return;
    std::vector<Span> numbers = FindLongNumbers(text_);
    const std::vector<Span> amounts = FindAmounts(text_);
    numbers.insert(numbers.end(), amounts.begin(), amounts.end());
    SortAndSeparate(&numbers);
    JoinTouching(&numbers);
    numbers.erase(std::remove_if(numbers.begin(), numbers.end(),
                                 [&](const Span& number) {
                                   return IsInSpan(number.range);
                                 }),
                  numbers.end());
    if (numbers.empty()) return;
    spans().insert(spans().end(), numbers.begin(), numbers.end());
    SortAndSeparate(&spans());
  }

  // "3 €-5 €": the model sees one number, as of "3-5".
  static void JoinTouching(std::vector<Span>* numbers) {
    size_t kept = 0;
    for (const Span& number : *numbers) {
      if (kept > 0 && (*numbers)[kept - 1].range.end == number.range.begin) {
        (*numbers)[kept - 1].range.end = number.range.end;
      } else {
        (*numbers)[kept++] = number;
      }
    }
    numbers->resize(kept);
  }

  // Terms stand above what is found by its form. The model is shown them, but
  // for those that it could not read.
  void AddTerms(const std::vector<ByteRange>& unknown) {
    if (!options_.kinds.Has(SpanKind::kTerm)) return;
    std::vector<Span> terms;
    for (const auto& glossary : options_.glossaries) {
      for (TermMatch& match : glossary->Find(text_)) {
        const auto overlaps = [&](const Span& span) {
          return Overlap(span.range, match.range);
        };
        if (std::any_of(terms.begin(), terms.end(), overlaps)) continue;
        const bool is_part =
            std::any_of(spans().begin(), spans().end(), [&](const Span& span) {
              return overlaps(span) && (span.kind == SpanKind::kRange ||
                                        !Contains(match.range, span.range));
            });
        if (is_part) continue;
        bool is_readable = std::none_of(unknown.begin(), unknown.end(),
                                        [&](const ByteRange& range) {
                                          return Overlap(range, match.range);
                                        });
        const auto is_inside = [&](const Span& span) {
          if (!overlaps(span)) return false;
          is_readable &= span.kind == SpanKind::kNumber;
          return true;
        };
        spans().erase(std::remove_if(spans().begin(), spans().end(), is_inside),
                      spans().end());
        if (is_readable) continue;
        terms.push_back({match.range, SpanKind::kTerm});
        found_.targets[match.range.begin] = std::move(match.targets[0]);
      }
    }
    if (terms.empty()) return;
    spans().insert(spans().end(), terms.begin(), terms.end());
    SortAndSeparate(&spans());
  }

  void AddUnknown(const std::vector<ByteRange>& unknown) {
    std::vector<Span> words;
    for (const ByteRange& range : unknown) {
      words.push_back({range, SpanKind::kUnknown});
    }
    std::vector<ByteRange> odd =
        FindOddForms(text_, [&](absl::string_view character) {
          return vocabulary_.Keeps(character);
        });
    Drop(&odd);
    for (const ByteRange& range : odd) {
      words.push_back({range, SpanKind::kUnknown});
    }
    WidenToWords(text_, &words);
    SortAndSeparate(&words);
    Join(&words);
    TakeNumbersInto(&words);
    spans().insert(spans().end(), words.begin(), words.end());
    std::vector<ByteRange> notes = FindNoteMarks(text_);
    Drop(&notes);
    for (const ByteRange& range : notes) {
      spans().push_back({range, SpanKind::kUnknown});
    }
    SortAndSeparate(&spans());
  }

  // Words in a row are one run.
  void Join(std::vector<Span>* words) const {
    size_t kept = 0;
    for (const Span& word : *words) {
      if (kept > 0) {
        ByteRange& before = (*words)[kept - 1].range;
        const ByteRange between{before.end, word.range.begin};
        if (IsJoint(text_.substr(between.begin, between.size())) &&
            !IsInSpan(between) && HasNoMark(between)) {
          before.end = word.range.end;
          continue;
        }
      }
      (*words)[kept++] = word;
    }
    words->resize(kept);
  }

  // A number that such a word is a part of, "№12 000", goes with it.
  void TakeNumbersInto(std::vector<Span>* words) {
    const auto joins = [&](const Span& span) {
      if (span.kind != SpanKind::kNumber) return false;
      bool any = false;
      for (Span& word : *words) {
        if (!Overlap(word.range, span.range)) continue;
        word.range = {std::min(word.range.begin, span.range.begin),
                      std::max(word.range.end, span.range.end)};
        any = true;
      }
      return any;
    };
    spans().erase(std::remove_if(spans().begin(), spans().end(), joins),
                  spans().end());
  }

  const Block& block_;
  const DocumentOptions& options_;
  const VocabularyView& vocabulary_;
  const absl::string_view text_;
  BlockSpans found_;
};

}  // namespace

BlockSpans FindBlockSpans(const Block& block, const DocumentOptions& options,
                          const VocabularyView& vocabulary) {
  return Finder(block, options, vocabulary).Find();
}

}  // namespace peregrine::document
