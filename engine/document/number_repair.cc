#include "engine/document/number_repair.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/numbers.h"
#include "engine/document/spelled_numbers.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Attention from which on a number comes from one of the source.
constexpr float kComesFrom = 0.5f;
constexpr float kPieceComesFrom = 0.25f;  // and has some of its digits
// What digits in common count beside attention.
constexpr float kRelated = 0.5f;
// Words that are taken out with a repeated number.
constexpr size_t kMaxBehind = 4;
constexpr size_t kMaxInFront = 2;

// A number of the translation.
struct Found {
  ByteRange range;  // of the translation as it came
  UnitRange units;
  std::string digits;
  bool is_alone = false;    // no part of a word or a name
  bool is_in_word = false;  // of a word: "5km"
  const Kept* kept = nullptr;
};

// Whether `digits` are those of the number or a part of it.
bool IsRelated(const Kept& kept, absl::string_view digits) {
  if (digits.empty()) return false;
  if (digits == kept.stand_in) return true;
  const std::string whole = DigitsOf(kept.source);
  if (digits == whole || DigitRuns(kept.source).contains(digits)) return true;
  return digits.size() >= 2 && whole.size() >= 2 &&
         (absl::StrContains(whole, digits) || absl::StrContains(digits, whole));
}

bool IsOneOf(absl::string_view unit, absl::string_view signs) {
  return !unit.empty() && absl::StrContains(signs, unit);
}

class NumberRepair {
 public:
  NumberRepair(const std::vector<const Kept*>& numbers,
               const std::vector<Span>& found, RepairState* state)
      : numbers_(numbers), state_(*state) {
    for (const Span& span : found) {
      if (!state_.IsTaken(span.range)) found_.push_back(Make(span));
    }
  }

  void Run() {
    FindStandIns();
    // Those that only a stand-in can stand for come first.
    std::vector<const Kept*> unfound;
    for (const Kept* kept : numbers_) {
      if (kept->stand_in.empty() || !TakeBest(*kept, IsStandIn)) {
        unfound.push_back(kept);
      }
    }
    std::vector<const Kept*> missing;
    for (const Kept* kept : unfound) {
      if (!TakeBest(*kept, IsSameNumber)) missing.push_back(kept);
    }
    for (const Kept* kept : missing) Mend(*kept);
    for (Found& number : found_) {
      if (!IsFree(number)) continue;
      if (number.is_alone) Judge(number);
      if (number.is_in_word) JudgeWord(number);
    }
  }

 private:
  Found Make(const Span& span) const {
    Found number;
    number.range = span.range;
    number.units = state_.UnitsOf(span.range);
    number.digits = DigitsOf(state_.Slice(span.range));
    const absl::string_view text = state_.Slice(span.range);
    const bool has_letter = text::HasLetter(text);
    number.is_alone = !has_letter && state_.AreWholeUnits(span.range);
    number.is_in_word = span.kind == SpanKind::kNumber && !number.is_alone;
    return number;
  }

  bool IsFree(const Found& number) const {
    return number.kept == nullptr && !state_.IsReplaced(number.units);
  }

  // Stand-ins that are a part of a word: "EUR47".
  void FindStandIns() {
    for (const Kept* kept : numbers_) {
      if (kept->stand_in.empty()) continue;
      for (Found& number : found_) {
        if (number.is_alone) continue;
        const absl::string_view text = state_.Slice(number.range);
        const size_t at = text.find(kept->stand_in);
        if (number.digits != kept->stand_in || at == absl::string_view::npos) {
          continue;
        }
        number.range = {number.range.begin + at,
                        number.range.begin + at + kept->stand_in.size()};
      }
    }
  }

  using IsFor = bool (*)(const Kept& kept, absl::string_view number);

  static bool IsStandIn(const Kept& kept, absl::string_view number) {
    return DigitsOf(number) == kept.stand_in;
  }
  // Of an amount the sign must be there as well.
  static bool IsSameNumber(const Kept& kept, absl::string_view number) {
    return SameNumber(kept.source, number) &&
           (FindAmounts(kept.source).empty() || number == kept.source);
  }

  // As it is.
  static bool IsGood(const Kept& kept, absl::string_view number) {
    return kept.is_exact ? number == kept.wanted[0]
                         : IsSameNumber(kept, number);
  }

  bool TakeBest(const Kept& kept, IsFor is_for) {
    Found* best = nullptr;
    float most = -1.0f;
    for (Found& number : found_) {
      const absl::string_view text = state_.Slice(number.range);
      if (!IsFree(number) || !is_for(kept, text)) continue;
      if (state_.IsGiven(number.units) && !IsGood(kept, text)) continue;
      // Where nothing is known, the first.
      const float mass = state_.alignment().is_known()
                             ? state_.Mass(number.units, kept)
                             : 0.0f;
      if (mass > most) {
        most = mass;
        best = &number;
      }
    }
    if (best == nullptr) return false;
    best->kept = &kept;
    if (IsGood(kept, state_.Slice(best->range))) {
      state_.Keep(best->units);
    } else {
      state_.ReplaceBytes(best->range, kept.wanted[0]);
    }
    return true;
  }

  // A number that was got wrong is the one that came from it most.
  void Mend(const Kept& kept) {
    size_t wrong = found_.size();
    float most = -1.0f;
    for (size_t i = 0; i < found_.size(); ++i) {
      const Found& number = found_[i];
      if (!number.is_alone || !state_.IsFree(number.units) ||
          number.kept != nullptr) {
        continue;
      }
      const float score = state_.Mass(number.units, kept) +
                          (IsRelated(kept, number.digits) ? kRelated : 0.0f);
      if (score > most) {
        most = score;
        wrong = i;
      }
    }
    if (wrong == found_.size()) {
      state_.Mend(kept);
      return;
    }
    const UnitRange units = WithPieces(kept, wrong);
    found_[wrong].kept = &kept;
    state_.Replace(units, kept.wanted[0]);
    state_.SeparateNumbers(units.begin);
    state_.SeparateNumbers(units.end);
    found_[wrong].units = units;
  }

  // The other pieces of a number in pieces, on either side of one.
  UnitRange WithPieces(const Kept& kept, size_t at) const {
    UnitRange units = found_[at].units;
    const auto is_piece = [&](const Found& number) {
      return number.is_alone && IsFree(number) && state_.IsFree(number.units) &&
             IsRelated(kept, number.digits);
    };
    for (size_t i = at + 1; i < found_.size(); ++i) {
      const UnitRange next = found_[i].units;
      if (!is_piece(found_[i]) || !AreClose(units.end, next.begin)) break;
      units.end = next.end;
    }
    for (size_t i = at; i-- > 0;) {
      const UnitRange before = found_[i].units;
      if (!is_piece(found_[i]) || !AreClose(before.end, units.begin)) break;
      units.begin = before.begin;
    }
    return units;
  }

  // Nothing but a separator between.
  bool AreClose(size_t end, size_t begin) const {
    if (begin < end || begin > end + 1) return false;
    return begin == end || (IsOneOf(state_.target().units[end], ".,:/-'") &&
                            state_.IsFree({end, begin}));
  }

  void Judge(const Found& number) {
    if (IsSpelled(number.digits)) return;
    if (state_.IsGiven(number.units)) {
      // Also those of an address.
      if (!DigitRuns(state_.segment().original).contains(number.digits) &&
          state_.segment().checks_numbers) {
        state_.NumbersDiffer();
      }
    } else if (IsRepeated(number)) {
      state_.Drop(Repetition(number));
    } else if (state_.segment().checks_numbers) {
      state_.NumbersDiffer();
    }
  }

  // The same word again: "5km, 5kmer".
  void JudgeWord(const Found& number) {
    const bool is_again =
        number.digits.size() > 1 &&
        std::any_of(found_.begin(), found_.end(), [&](const Found& other) {
          return other.is_in_word && other.kept != nullptr &&
                 other.digits == number.digits;
        });
    if (is_again && state_.IsFree(number.units)) {
      state_.Drop(number.units);
    }
  }

  bool IsRepeated(const Found& number) const {
    float mass = 0.0f;
    bool is_piece = false;
    for (const Kept* kept : numbers_) {
      if (IsRelated(*kept, number.digits)) return true;
      const std::string whole = DigitsOf(kept->source);
      is_piece |= absl::StartsWith(whole, number.digits) ||
                  absl::EndsWith(whole, number.digits);
      mass += state_.Mass(number.units, *kept);
    }
    return state_.alignment().is_known() &&
           mass >= (is_piece ? kPieceComesFrom : kComesFrom);
  }

  bool IsSpelled(absl::string_view digits) {
    if (!looked_for_words_) {
      spelled_ = SpelledNumbers(state_.segment().original,
                                state_.segment().source_language);
      looked_for_words_ = true;
    }
    return std::find(spelled_.begin(), spelled_.end(), digits) !=
           spelled_.end();
  }

  // The number that it repeats; null: it is wrong in another way.
  const Found* TwinOf(const Found& number) const {
    const Found* twin = nullptr;
    for (const Found& other : found_) {
      if (other.kept == nullptr || !IsRelated(*other.kept, number.digits)) {
        continue;
      }
      // The nearest in front of it, else the first behind it.
      const bool is_in_front = other.units.begin < number.units.begin;
      if (twin == nullptr || is_in_front) twin = &other;
    }
    return twin;
  }

  // The units of `number`, with those that stand beside its twin as well.
  UnitRange Repetition(const Found& number) const {
    UnitRange range = number.units;
    if (const Found* twin = TwinOf(number); twin != nullptr) {
      range.end = SameBehind(number.units, twin->units);
      range.begin = SameInFront(number.units, twin->units);
      // Of ordinals: "im 20. Jahrhundert". Where the twin has no full stop, it
      // gets this one.
      const std::vector<std::string>& units = state_.target().units;
      if (range.end == number.units.end && IsFullStopInside(range.end) &&
          twin->units.end < units.size() && units[twin->units.end] == ".") {
        ++range.end;
      }
    }
    TakeSigns(&range);
    return range;
  }

  // Glued to what is in front of it, and not the end of the sentence.
  bool IsFullStopInside(size_t t) const {
    const TargetUnits& target = state_.target();
    return t + 1 < target.units.size() && target.units[t] == "." &&
           target.gaps[t].empty() && IsFreeUnit(t) &&
           !IsOneOf(target.units[t + 1], ".,;:!?\"“”»)");
  }

  bool IsFreeUnit(size_t t) const { return state_.IsFree({t, t + 1}); }

  // Where what stands behind `again` is no longer what stands behind `twin`;
  // marks of the sentence are left to it.
  size_t SameBehind(UnitRange again, UnitRange twin) const {
    const std::vector<std::string>& units = state_.target().units;
    size_t end = again.end;
    for (size_t i = 0; i < kMaxBehind; ++i) {
      const size_t a = again.end + i;
      const size_t b = twin.end + i;
      if (a >= units.size() || b >= units.size() || b == again.begin ||
          !IsFreeUnit(a) || !IsSame(units[a], units[b])) {
        break;
      }
      if (!IsOneOf(units[a], ".,;:!?")) end = a + 1;
    }
    return end;
  }

  size_t SameInFront(UnitRange again, UnitRange twin) const {
    const std::vector<std::string>& units = state_.target().units;
    size_t begin = again.begin;
    for (size_t i = 1; i <= kMaxInFront; ++i) {
      if (i > again.begin || i > twin.begin ||
          twin.begin - i + 1 == again.end || !IsFreeUnit(again.begin - i) ||
          !IsSame(units[again.begin - i], units[twin.begin - i])) {
        break;
      }
      if (!IsOneOf(units[again.begin - i], ".,;:!?")) begin = again.begin - i;
    }
    return begin;
  }

  static bool IsSame(absl::string_view a, absl::string_view b) {
    return text::Lower(a) == text::Lower(b);
  }

  // What is glued to a number and means nothing without it.
  void TakeSigns(UnitRange* range) const {
    const TargetUnits& target = state_.target();
    while (range->end < target.units.size() &&
           target.gaps[range->end].empty() && IsFreeUnit(range->end) &&
           (IsOneOf(target.units[range->end], "%°€$£¥‰"))) {
      ++range->end;
    }
    while (range->begin > 0 && target.gaps[range->begin].empty() &&
           IsFreeUnit(range->begin - 1) &&
           IsOneOf(target.units[range->begin - 1], "#$€£¥+-–−./:,×§")) {
      --range->begin;
    }
    // Of a list: "39, 39."
    if (range->begin > 0 && IsFreeUnit(range->begin - 1) &&
        target.units[range->begin - 1] == "," &&
        (range->end == target.units.size() ||
         IsOneOf(target.units[range->end], ",.;:!?"))) {
      --range->begin;
    }
  }

  const std::vector<const Kept*>& numbers_;
  RepairState& state_;
  std::vector<Found> found_;
  std::vector<std::string> spelled_;
  bool looked_for_words_ = false;
};

}  // namespace

void RepairNumbers(const std::vector<const Kept*>& numbers,
                   const std::vector<Span>& found, RepairState* state) {
  NumberRepair(numbers, found, state).Run();
}

}  // namespace peregrine::document
