#include "engine/document/repair_state.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/text/characters.h"

namespace peregrine::document {

RepairState::RepairState(const Segment& segment, const UnitAlignment& alignment,
                         size_t given_bytes, TargetUnits* target)
    : segment_(segment),
      alignment_(alignment),
      target_(*target),
      num_given_(GapBegun(alignment.target(), given_bytes)),
      text_(target->Text()),
      kept_(target->units.size(), false),
      replaced_(target->units.size(), false) {
  result_.closed.assign(target_.gaps.size(), false);
  std::fill_n(kept_.begin(), num_given_, true);
  std::fill_n(result_.closed.begin(), num_given_, true);
  size_t at = 0;
  for (size_t t = 0; t < target_.units.size(); ++t) {
    at += target_.gaps[t].size();
    ranges_.push_back({at, at + target_.units[t].size()});
    at = ranges_.back().end;
  }
}

UnitRange RepairState::UnitsOf(const ByteRange& range) const {
  UnitRange units;
  units.begin = GapAt(ranges_, range.begin);
  units.end = units.begin;
  while (units.end < ranges_.size() && ranges_[units.end].begin < range.end) {
    ++units.end;
  }
  return units;
}

bool RepairState::AreWholeUnits(const ByteRange& range) const {
  const UnitRange units = UnitsOf(range);
  return units.begin < units.end && ranges_[units.begin].begin == range.begin &&
         ranges_[units.end - 1].end == range.end;
}

UnitRange RepairState::SourceOf(const Kept& kept) const {
  const size_t begin = GapAt(alignment_.source(), kept.shown.begin);
  size_t end = begin;
  while (end < alignment_.source().size() &&
         alignment_.source()[end].begin < kept.shown.end) {
    ++end;
  }
  return {begin, end};
}

float RepairState::Mass(UnitRange units, const Kept& kept) const {
  const UnitRange source = SourceOf(kept);
  return alignment_.Mass(units.begin, source.begin, source.end);
}

bool RepairState::IsFree(UnitRange units) const {
  for (size_t t = units.begin; t < units.end; ++t) {
    if (kept_[t] || replaced_[t]) return false;
  }
  return units.begin < units.end;
}

bool RepairState::HasWord(UnitRange units) const {
  for (size_t t = units.begin; t < units.end; ++t) {
    const int32_t c = text::FirstCharacter(target_.units[t]).code_point;
    if (NeighbourOf(c) == Beside::Neighbour::kWord || text::IsLetter(c)) {
      return true;
    }
  }
  return false;
}

bool RepairState::IsReplaced(UnitRange units) const {
  for (size_t t = units.begin; t < units.end; ++t) {
    if (replaced_[t]) return true;
  }
  return false;
}

bool RepairState::IsTaken(const ByteRange& range) const {
  return std::any_of(taken_.begin(), taken_.end(), [&](const ByteRange& other) {
    return range.begin < other.end && other.begin < range.end;
  });
}

bool RepairState::Take(const ByteRange& range) {
  if (IsTaken(range)) return false;
  taken_.push_back(range);
  Keep(UnitsOf(range));
  return true;
}

void RepairState::Keep(UnitRange units) {
  std::fill(kept_.begin() + units.begin, kept_.begin() + units.end, true);
  Close(units);
}

void RepairState::Close(UnitRange units) {
  for (size_t gap = units.begin + 1; gap < units.end; ++gap) {
    result_.closed[gap] = true;
  }
}

void RepairState::Replace(UnitRange units, absl::string_view text) {
  target_.Replace(units, text);
  Close(units);
  std::fill(replaced_.begin() + units.begin, replaced_.begin() + units.end,
            true);
}

void RepairState::Drop(UnitRange units) {
  Replace(units, "");
  size_t before = units.begin;  // the last unit in front that is still there
  while (before > 0 && target_.units[before - 1].empty()) --before;
  if (before == 0 || units.end == target_.units.size()) return;
  if (before <= num_given_) return;
  std::string& last = target_.units[before - 1];
  const std::string& next = target_.units[units.end];
  if (next == last && (next == "." || next == ",")) {
    last.clear();
  } else if (WouldJoin(last, next)) {
    SetGap(units.end,
           target_.gaps[units.end].empty() ? " " : target_.gaps[units.end]);
  }
}

void RepairState::SetGap(size_t gap, absl::string_view text) {
  target_.gaps[gap] = std::string(text);
  target_.has_space[gap] = !text.empty();
}

void RepairState::SeparateNumbers(size_t gap) {
  if (gap <= num_given_ || gap >= target_.units.size() ||
      target_.gaps[gap] != " ") {
    return;
  }
  const auto is_digit = [](const text::Character& c) {
    return text::IsDigit(c.code_point);
  };
  if (is_digit(text::LastCharacter(target_.units[gap - 1])) &&
      is_digit(text::FirstCharacter(target_.units[gap]))) {
    SetGap(gap, ", ");
  }
}

void RepairState::Separate(size_t gap) {
  if (gap > num_given_ && target_.gaps[gap].empty()) SetGap(gap, " ");
}

void RepairState::ReplaceBytes(const ByteRange& range, absl::string_view text) {
  const UnitRange units = UnitsOf(range);
  const size_t begin = std::min(ranges_[units.begin].begin, range.begin);
  const size_t end = std::max(ranges_[units.end - 1].end, range.end);
  Replace(units, absl::StrCat(Slice({begin, range.begin}), text,
                              Slice({range.end, end})));
}

void RepairState::Mend(const Kept& kept) {
  const UnitRange source = SourceOf(kept);
  const UnitRange best =
      PlaceRange(alignment_, source, {0, alignment_.target().size()});
  if (IsFree(best) && HasWord(best)) {
    Replace(best, kept.wanted[0]);
    SeparateNumbers(best.begin);
    SeparateNumbers(best.end);
    return;
  }
  Node node;
  node.source = source;
  node.is_point = true;
  node.id = result_.texts.size();
  result_.texts.push_back(kept.wanted[0]);
  result_.missing.push_back(std::move(node));
}

}  // namespace peregrine::document
