#include "engine/document/kept_repair.h"

#include <unicode/normalizer2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/document/find_spans.h"
#include "engine/document/marker_repair.h"
#include "engine/document/number_repair.h"
#include "engine/document/repair_state.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

bool IsWordEdge(absl::string_view text, size_t at) {
  if (at == 0 || at >= text.size()) return true;
  const int32_t before = text::LastCharacter(text.substr(0, at)).code_point;
  const int32_t after = text::FirstCharacter(text.substr(at)).code_point;
  const auto is_word = [](int32_t c) {
    return (text::IsLetter(c) || text::IsDigit(c)) && !text::IsHanOrKana(c);
  };
  return !is_word(before) || !is_word(after);
}

// The first place from `from` on where `word` stands for itself, or npos.
size_t FindWord(absl::string_view text, absl::string_view word, size_t from) {
  for (size_t at = text.find(word, from); at != absl::string_view::npos;
       at = text.find(word, at + 1)) {
    if (IsWordEdge(text, at) && IsWordEdge(text, at + word.size())) return at;
  }
  return absl::string_view::npos;
}

// Terms, versions and product numbers: by their words.
class WordRepair {
 public:
  // `found`: what looks like a version or number in the translation.
  WordRepair(std::vector<const Kept*> words, const std::vector<Span>& found,
             RepairState* state)
      : words_(std::move(words)), found_(found), state_(*state) {}

  void Run() {
    std::vector<const Kept*> missing;
    for (const Kept* kept : words_) {
      if (!IsThere(*kept)) missing.push_back(kept);
    }
    for (const Kept* kept : missing) state_.Mend(*kept);
    DropSurplus();
  }

 private:
  // Each place of the translation stands for one of them.
  bool IsThere(const Kept& kept) {
    return std::any_of(kept.wanted.begin(), kept.wanted.end(),
                       [&](const std::string& wanted) {
                         return TakeWord(wanted) || TakeSpan(wanted);
                       });
  }

  bool TakeWord(absl::string_view wanted) {
    const absl::string_view text = state_.text();
    for (size_t at = FindWord(text, wanted, 0); at != absl::string_view::npos;
         at = FindWord(text, wanted, at + 1)) {
      if (state_.Take({at, at + wanted.size()})) return true;
    }
    return false;
  }

  bool TakeSpan(absl::string_view wanted) {
    return std::any_of(found_.begin(), found_.end(), [&](const Span& span) {
      return state_.Slice(span.range) == wanted && state_.Take(span.range);
    });
  }

  // A product that stands more often than in the source, as in loops.
  void DropSurplus() {
    for (const Span& span : found_) {
      if (span.kind != SpanKind::kVersion) continue;
      const absl::string_view text = state_.Slice(span.range);
      const bool is_of_source =
          std::any_of(words_.begin(), words_.end(), [&](const Kept* kept) {
            return kept->kind == SpanKind::kVersion && !kept->may_repeat &&
                   kept->source == text;
          });
      const UnitRange units = state_.UnitsOf(span.range);
      if (is_of_source && state_.AreWholeUnits(span.range) &&
          state_.IsFree(units)) {
        state_.Drop(units);
      }
    }
  }

  const std::vector<const Kept*> words_;
  const std::vector<Span>& found_;
  RepairState& state_;
};

// As normalisers of tokenizers have it.
std::string Normalized(const std::string& text) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* const nfkc = icu::Normalizer2::getNFKCInstance(error);
  if (U_FAILURE(error)) return text;
  std::string normalized;
  nfkc->normalize(icu::UnicodeString::fromUTF8(text), error)
      .toUTF8String(normalized);
  return U_FAILURE(error) ? text : normalized;
}

// "m2" where the source has "m²": its digits were lost by normalising.
void RestoreSmallDigits(const Segment& segment, size_t first_unit,
                        const std::vector<bool>& are_markers,
                        TargetUnits* target) {
  for (const Kept& kept : segment.kept) {
    if (kept.kind != SpanKind::kVersion || kept.is_marked()) continue;
    const std::string plain = Normalized(kept.source);
    if (plain == kept.source) continue;
    for (size_t t = first_unit; t < target->units.size(); ++t) {
      std::string& unit = target->units[t];
      if (are_markers[t] || !absl::EndsWith(unit, plain)) continue;
      const size_t front = unit.size() - plain.size();
      if (front == 0 || absl::ascii_isdigit(unit[front - 1])) {
        unit.replace(front, plain.size(), kept.source);
      }
    }
  }
}

}  // namespace

KeptRepair RepairKept(const Segment& segment, const UnitAlignment& alignment,
                      size_t given_bytes, const std::vector<bool>& are_markers,
                      TargetUnits* target) {
  RestoreSmallDigits(segment, GapBegun(alignment.target(), given_bytes),
                     are_markers, target);
  RepairState state(segment, alignment, given_bytes, target);
  std::vector<const Kept*> words;
  std::vector<const Kept*> numbers;
  std::vector<const Kept*> marked;
  for (const Kept& kept : segment.kept) {
    (kept.is_marked()                 ? marked
     : kept.kind == SpanKind::kNumber ? numbers
                                      : words)
        .push_back(&kept);
  }
  const std::vector<const Kept*> without_marker = RepairMarkers(marked, &state);
  const std::vector<Span> found = FindKept(state.text(), SpanKinds::All());
  WordRepair(std::move(words), found, &state).Run();
  RepairNumbers(numbers, found, &state);
  for (const Kept* kept : without_marker) state.Mend(*kept);
  return state.TakeResult();
}

}  // namespace peregrine::document
