#include "engine/document/marker_repair.h"

#include <string>

#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Calls found(range) for each place of `marker` in `text`.
template <class Found>
void ForEachPlace(absl::string_view text, absl::string_view marker,
                  Found found) {
  for (size_t at = text.find(marker); at != absl::string_view::npos;
       at = text.find(marker, at + marker.size())) {
    found(ByteRange{at, at + marker.size()});
  }
}

bool IsWord(const text::Character& character) {
  return NeighbourOf(character.code_point) == Beside::Neighbour::kWord;
}

class MarkerRepair {
 public:
  MarkerRepair(const std::vector<const Kept*>& marked, RepairState* state)
      : marked_(marked), state_(*state) {}

  std::vector<const Kept*> Run() {
    std::vector<const Kept*> missing;
    for (const Kept* kept : marked_) {
      if (!Find(*kept)) missing.push_back(kept);
    }
    for (const Place& place : places_) SeparateFromWords(place);
    return missing;
  }

 private:
  struct Place {
    const Kept* kept;
    UnitRange units;
  };

  bool Find(const Kept& kept) {
    bool is_there = false;
    ForEachPlace(state_.text(), kept.stand_in, [&](const ByteRange& range) {
      if (!state_.Take(range)) return;
      if (!is_there) {
        state_.ReplaceBytes(range, kept.wanted[0]);
        places_.push_back({&kept, state_.UnitsOf(range)});
      } else if (state_.AreWholeUnits(range)) {
        state_.Drop(state_.UnitsOf(range));
      } else {
        state_.ReplaceBytes(range, "");
      }
      is_there = true;
    });
    return is_there;
  }

  // What was no part of a word does not become one: a model may write a marker
  // without the spaces that an address needs.
  void SeparateFromWords(const Place& place) {
    const std::vector<std::string>& units = state_.target().units;
    const absl::string_view shown = state_.segment().shown;
    const ByteRange& source = place.kept->shown;
    size_t before = place.units.begin;
    while (before > 0 && units[before - 1].empty()) --before;
    if (before > 0) {
      SeparateFrom(before - 1, text::LastCharacter(units[before - 1]),
                   text::LastCharacter(shown.substr(0, source.begin)),
                   place.units.begin);
    }
    size_t behind = place.units.end;
    while (behind < units.size() && units[behind].empty()) ++behind;
    if (behind < units.size()) {
      SeparateFrom(behind, text::FirstCharacter(units[behind]),
                   text::FirstCharacter(shown.substr(source.end)), behind);
    }
  }

  // From `unit`, which `character` of stands next to it across `gap`. In the
  // source `shown` did.
  void SeparateFrom(size_t unit, const text::Character& character,
                    const text::Character& shown, size_t gap) {
    const bool is_span = state_.IsReplaced({unit, unit + 1});
    if (is_span ? shown.code_point == ' '
                : IsWord(character) && !IsWord(shown)) {
      state_.Separate(gap);
    }
  }

  const std::vector<const Kept*>& marked_;
  RepairState& state_;
  std::vector<Place> places_;
};

}  // namespace

std::vector<const Kept*> RepairMarkers(const std::vector<const Kept*>& marked,
                                       RepairState* state) {
  return MarkerRepair(marked, state).Run();
}

std::vector<bool> UnitsOfMarkers(const Segment& segment,
                                 absl::string_view translation,
                                 absl::Span<const ByteRange> units) {
  std::vector<bool> are_markers(units.size(), false);
  for (const Kept& kept : segment.kept) {
    if (!kept.is_marked()) continue;
    ForEachPlace(translation, kept.stand_in, [&](const ByteRange& range) {
      for (size_t t = GapAt(units, range.begin);
           t < units.size() && units[t].begin < range.end; ++t) {
        are_markers[t] = true;
      }
    });
  }
  return are_markers;
}

}  // namespace peregrine::document
