#include "engine/document/target_units.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/find_spans.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// A number of the translation, and the unit that it is.
struct TargetNumber {
  size_t unit;
  std::string digits;
  bool used = false;
};

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
        changed_(target->units.size(), false) {}

  KeptRepair Run() {
    std::vector<const Kept*> words;
    std::vector<const Kept*> numbers;
    for (const Kept& kept : segment_.kept) {
      (kept.kind == SpanKind::kNumber ? numbers : words).push_back(&kept);
    }
    for (const Kept* kept : MissingWords(words)) Mend(*kept);
    RepairNumbers(numbers);
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

  // Each place of the translation stands for one of them.
  std::vector<const Kept*> MissingWords(const std::vector<const Kept*>& words) {
    std::vector<const Kept*> missing;
    const std::string text = target_.Text();
    std::vector<ByteRange> taken;
    for (const Kept* kept : words) {
      bool found = false;
      for (const std::string& wanted : kept->wanted) {
        for (size_t at = FindWord(text, wanted, 0);
             !found && at != absl::string_view::npos;
             at = FindWord(text, wanted, at + 1)) {
          const bool free = std::none_of(
              taken.begin(), taken.end(), [&](const ByteRange& range) {
                return at < range.end && range.begin < at + wanted.size();
              });
          if (!free) continue;
          found = true;
          taken.push_back({at, at + wanted.size()});
          Protect(taken.back());
        }
      }
      if (!found) missing.push_back(kept);
    }
    return missing;
  }

  // So that no other takes these units for its own.
  void Protect(const ByteRange& range) {
    size_t at = 0;
    for (size_t t = 0; t < target_.units.size(); ++t) {
      at += target_.gaps[t].size();
      const size_t end = at + target_.units[t].size();
      if (at < range.end && range.begin < end) changed_[t] = true;
      at = end;
    }
  }

  void Mend(const Kept& kept) {
    const UnitRange source = SourceOf(kept);
    UnitRange best =
        PlaceRange(alignment_, source, {0, alignment_.target().size()});
    const bool taken =
        std::any_of(changed_.begin() + best.begin, changed_.begin() + best.end,
                    [](bool changed) { return changed; });
    if (best.begin < best.end && !taken) {
      target_.Replace(best, kept.wanted[0]);
      std::fill(changed_.begin() + best.begin, changed_.begin() + best.end,
                true);
      return;
    }
    Node node;
    node.source = source;
    node.is_point = true;
    node.id = result_.texts.size();
    result_.texts.push_back(kept.wanted[0]);
    result_.missing.push_back(std::move(node));
  }

  void RepairNumbers(const std::vector<const Kept*>& numbers) {
    std::vector<TargetNumber> found;
    for (size_t t = 0; t < target_.units.size(); ++t) {
      if (changed_[t]) continue;
      std::string digits = DigitsOf(target_.units[t]);
      if (!digits.empty()) found.push_back({t, std::move(digits)});
    }
    std::vector<const Kept*> missing;
    for (const Kept* kept : numbers) {
      const std::string digits = DigitsOf(kept->source);
      const auto same = std::find_if(
          found.begin(), found.end(), [&](const TargetNumber& number) {
            return !number.used && number.digits == digits;
          });
      if (same == found.end()) {
        missing.push_back(kept);
      } else {
        same->used = true;
        changed_[same->unit] = true;
      }
    }
    // A number that was got wrong is the one that came from it most.
    for (const Kept* kept : missing) {
      const UnitRange source = SourceOf(*kept);
      TargetNumber* wrong = nullptr;
      float best = -1.0f;
      for (TargetNumber& number : found) {
        if (number.used || changed_[number.unit]) continue;
        const float mass =
            alignment_.Mass(number.unit, source.begin, source.end);
        if (mass > best) {
          best = mass;
          wrong = &number;
        }
      }
      if (wrong != nullptr) {
        wrong->used = true;
        changed_[wrong->unit] = true;
        target_.Replace({wrong->unit, wrong->unit + 1}, kept->wanted[0]);
      } else {
        Mend(*kept);
      }
    }
    for (const TargetNumber& number : found) {
      result_.numbers_differ |= segment_.checks_numbers && !number.used &&
                                !changed_[number.unit] &&
                                IsNumberOfItsOwn(number.unit);
    }
  }

  // "MP3" is none, nor are digits where numbers are not looked at.
  bool IsNumberOfItsOwn(size_t unit) const {
    return text::IsDigit(text::FirstCharacter(target_.units[unit]).code_point);
  }

  const Segment& segment_;
  const UnitAlignment& alignment_;
  TargetUnits& target_;
  std::vector<bool> changed_;
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
