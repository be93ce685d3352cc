#ifndef PEREGRINE_ENGINE_DOCUMENT_PLACEMENT_H_
#define PEREGRINE_ENGINE_DOCUMENT_PLACEMENT_H_

#include <cstddef>
#include <vector>

#include "engine/document/units.h"

namespace peregrine::document {

// Units [begin, end) of a sentence.
struct UnitRange {
  size_t begin = 0;
  size_t end = 0;
};

// Something that stands around units of the source, or between two of them, and
// is to stand around or between units of the target.
struct Node {
  UnitRange source;
  bool is_point = false;     // stands at the gap source.begin, around nothing
  bool wants_space = false;  // a point that replaces white space
  // It goes on beyond the sentence, in front or behind.
  bool open_in_front = false;
  bool open_behind = false;
  std::vector<Node> children;  // inside it, in the order of the source
  size_t id = 0;               // for the caller

  UnitRange target;  // set by Place
};

// Where the gap between source units [gap - 1] and [gap] is in the target,
// among the gaps of `within`: next to the words that the neighbours became.
// `allowed(g)` says which gaps may be taken; some of `within` must be.
size_t PlaceGap(const UnitAlignment& alignment, size_t gap, UnitRange within,
                const std::vector<bool>& allowed);

// The units of the target that most likely come from `source`, side by side, in
// `within`; empty (at the start of `within`) where there are none.
UnitRange PlaceRange(const UnitAlignment& alignment, UnitRange source,
                     UnitRange within);

// What is known of each gap of the target, one more than it has units.
struct TargetGaps {
  std::vector<bool> has_space;  // white space stands there
  std::vector<bool> closed;     // nothing may be put there
};

// Sets the target of all of `nodes`, siblings in the order of the source. Each
// stays inside the one that it stands in, and no two overlap. Siblings keep
// their order, unless the alignment says clearly that their words changed
// places.
void Place(const UnitAlignment& alignment, const TargetGaps& gaps,
           std::vector<Node>* nodes);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_PLACEMENT_H_
