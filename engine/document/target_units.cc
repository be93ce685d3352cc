#include "engine/document/target_units.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/find_spans.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// A number or version of the translation, and the units that it stands in.
struct TargetNumber {
  ByteRange range;  // of the translation as it came
  UnitRange units;
  std::string digits;
  bool is_alone = false;  // it is a unit, or several
  bool used = false;
};

bool Overlap(const ByteRange& a, const ByteRange& b) {
  return a.begin < b.end && b.begin < a.end;
}

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

class Repair {
 public:
  Repair(const Segment& segment, const UnitAlignment& alignment,
         TargetUnits* target)
      : segment_(segment),
        alignment_(alignment),
        target_(*target),
        text_(target->Text()),
        kept_(target->units.size(), false),
        replaced_(target->units.size(), false) {
    result_.closed.assign(target_.gaps.size(), false);
    size_t at = 0;
    for (size_t t = 0; t < target_.units.size(); ++t) {
      at += target_.gaps[t].size();
      ranges_.push_back({at, at + target_.units[t].size()});
      at = ranges_.back().end;
    }
  }

  KeptRepair Run() {
    std::vector<const Kept*> words;
    std::vector<const Kept*> numbers;
    for (const Kept& kept : segment_.kept) {
      (kept.kind == SpanKind::kNumber ? numbers : words).push_back(&kept);
    }
    const std::vector<Span> found = FindKept(text_, SpanKinds::All());
    for (const Kept* kept : MissingWords(words, found)) Mend(*kept);
    DropSurplus(words, found);
    RepairNumbers(numbers, found);
    return std::move(result_);
  }

 private:
  UnitRange SourceOf(const Kept& kept) const {
    const size_t begin = GapAt(alignment_.source(), kept.shown.begin);
    size_t end = begin;
    while (end < alignment_.source().size() &&
           alignment_.source()[end].begin < kept.shown.end) {
      ++end;
    }
    return {begin, end};
  }

  // Each place of the translation stands for one of them. `found`: what looks
  // like a version or number in it.
  std::vector<const Kept*> MissingWords(const std::vector<const Kept*>& words,
                                        const std::vector<Span>& found) {
    std::vector<const Kept*> missing;
    for (const Kept* kept : words) {
      const bool is_there =
          std::any_of(kept->wanted.begin(), kept->wanted.end(),
                      [&](const std::string& wanted) {
                        return TakeWord(wanted) || TakeSpan(wanted, found);
                      });
      if (!is_there) missing.push_back(kept);
    }
    return missing;
  }

  bool TakeWord(absl::string_view wanted) {
    for (size_t at = FindWord(text_, wanted, 0); at != absl::string_view::npos;
         at = FindWord(text_, wanted, at + 1)) {
      if (Take({at, at + wanted.size()})) return true;
    }
    return false;
  }

  bool TakeSpan(absl::string_view wanted, const std::vector<Span>& found) {
    return std::any_of(found.begin(), found.end(), [&](const Span& span) {
      return absl::string_view(text_).substr(span.range.begin,
                                             span.range.size()) == wanted &&
             Take(span.range);
    });
  }

  // A product that stands more often than in the source, as in loops.
  void DropSurplus(const std::vector<const Kept*>& words,
                   const std::vector<Span>& found) {
    for (const Span& span : found) {
      if (span.kind != SpanKind::kVersion) continue;
      const absl::string_view text =
          absl::string_view(text_).substr(span.range.begin, span.range.size());
      const bool is_of_source =
          std::any_of(words.begin(), words.end(), [&](const Kept* kept) {
            return kept->kind == SpanKind::kVersion && kept->source == text;
          });
      const UnitRange units = UnitsOf(span.range);
      bool is_free = is_of_source &&
                     ranges_[units.begin].begin == span.range.begin &&
                     ranges_[units.end - 1].end == span.range.end;
      for (size_t t = units.begin; t < units.end; ++t) {
        is_free = is_free && !kept_[t] && !replaced_[t];
      }
      if (is_free) Replace(units, "");
    }
  }

  // So that no other takes it for its own.
  bool Take(const ByteRange& range) {
    for (const ByteRange& other : taken_) {
      if (Overlap(range, other)) return false;
    }
    taken_.push_back(range);
    Keep(UnitsOf(range));
    return true;
  }

  void Keep(UnitRange units) {
    std::fill(kept_.begin() + units.begin, kept_.begin() + units.end, true);
    Close(units);
  }

  // Nothing is put between these.
  void Close(UnitRange units) {
    for (size_t gap = units.begin + 1; gap < units.end; ++gap) {
      result_.closed[gap] = true;
    }
  }

  UnitRange UnitsOf(const ByteRange& range) const {
    UnitRange units;
    units.begin = GapAt(ranges_, range.begin);
    units.end = units.begin;
    while (units.end < ranges_.size() && ranges_[units.end].begin < range.end) {
      ++units.end;
    }
    return units;
  }

  void Mend(const Kept& kept) {
    const UnitRange source = SourceOf(kept);
    UnitRange best =
        PlaceRange(alignment_, source, {0, alignment_.target().size()});
    bool is_free = best.begin < best.end;
    for (size_t t = best.begin; t < best.end; ++t) {
      is_free = is_free && !kept_[t] && !replaced_[t];
    }
    if (is_free) {
      Replace(best, kept.wanted[0]);
      return;
    }
    Node node;
    node.source = source;
    node.is_point = true;
    node.id = result_.texts.size();
    result_.texts.push_back(kept.wanted[0]);
    result_.missing.push_back(std::move(node));
  }

  void Replace(UnitRange units, absl::string_view text) {
    target_.Replace(units, text);
    Close(units);
    std::fill(replaced_.begin() + units.begin, replaced_.begin() + units.end,
              true);
  }

  std::vector<TargetNumber> NumbersLeft(const std::vector<Span>& found) const {
    std::vector<TargetNumber> numbers;
    for (const Span& span : found) {
      const bool is_taken = std::any_of(
          taken_.begin(), taken_.end(),
          [&](const ByteRange& range) { return Overlap(range, span.range); });
      if (is_taken) continue;
      TargetNumber number;
      number.range = span.range;
      number.units = UnitsOf(span.range);
      number.digits = DigitsOf(
          absl::string_view(text_).substr(span.range.begin, span.range.size()));
      number.is_alone = span.kind == SpanKind::kNumber &&
                        ranges_[number.units.begin].begin == span.range.begin &&
                        ranges_[number.units.end - 1].end == span.range.end;
      numbers.push_back(std::move(number));
    }
    return numbers;
  }

  bool IsReplaced(const TargetNumber& number) const {
    for (size_t t = number.units.begin; t < number.units.end; ++t) {
      if (replaced_[t]) return true;
    }
    return false;
  }

  void RepairNumbers(const std::vector<const Kept*>& numbers,
                     const std::vector<Span>& spans) {
    std::vector<TargetNumber> found = NumbersLeft(spans);
    std::vector<const Kept*> missing;
    for (const Kept* kept : numbers) {
      const std::string digits = DigitsOf(kept->source);
      const auto same = std::find_if(
          found.begin(), found.end(), [&](const TargetNumber& number) {
            return !number.used && !IsReplaced(number) &&
                   number.digits == digits;
          });
      if (same == found.end()) {
        missing.push_back(kept);
      } else {
        same->used = true;
        Keep(same->units);
      }
    }
    for (const Kept* kept : missing) MendNumber(*kept, &found);
    for (const TargetNumber& number : found) {
      result_.numbers_differ |= segment_.checks_numbers && number.is_alone &&
                                !number.used && !IsReplaced(number);
    }
  }

  // A number that was got wrong is the one that came from it most.
  void MendNumber(const Kept& kept, std::vector<TargetNumber>* found) {
    const UnitRange source = SourceOf(kept);
    TargetNumber* wrong = nullptr;
    float best = -1.0f;
    for (TargetNumber& number : *found) {
      const bool is_kept = kept_[number.units.begin];
      if (number.used || !number.is_alone || is_kept || IsReplaced(number)) {
        continue;
      }
      const float mass =
          alignment_.Mass(number.units.begin, source.begin, source.end);
      if (mass > best) {
        best = mass;
        wrong = &number;
      }
    }
    if (wrong == nullptr) {
      Mend(kept);
      return;
    }
    wrong->used = true;
    Replace(wrong->units, kept.wanted[0]);
  }

  const Segment& segment_;
  const UnitAlignment& alignment_;
  TargetUnits& target_;
  const std::string text_;         // the translation as it came
  std::vector<ByteRange> ranges_;  // of its units
  std::vector<ByteRange> taken_;   // of it, by words
  std::vector<bool> kept_;         // units that have something of the source
  std::vector<bool> replaced_;     // units that came from it later
  KeptRepair result_;
};

}  // namespace

TargetUnits::TargetUnits(absl::string_view text,
                         const std::vector<ByteRange>& ranges) {
  size_t at = 0;
  for (const ByteRange& range : ranges) {
    gaps.emplace_back(text.substr(at, range.begin - at));
    units.emplace_back(text.substr(range.begin, range.size()));
    at = range.end;
  }
  gaps.emplace_back(text.substr(at));
  for (const std::string& gap : gaps) has_space.push_back(!gap.empty());
}

std::string TargetUnits::Text() const {
  std::string text;
  for (size_t t = 0; t < units.size(); ++t) {
    absl::StrAppend(&text, gaps[t], units[t]);
  }
  return text + gaps.back();
}

void TargetUnits::Replace(UnitRange range, absl::string_view text) {
  units[range.begin] = std::string(text);
  for (size_t t = range.begin + 1; t < range.end; ++t) {
    units[t].clear();
    gaps[t].clear();
    has_space[t] = false;
  }
}

KeptRepair RepairKept(const Segment& segment, const UnitAlignment& alignment,
                      TargetUnits* target) {
  return Repair(segment, alignment, target).Run();
}

}  // namespace peregrine::document
