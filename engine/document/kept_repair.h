#ifndef PEREGRINE_ENGINE_DOCUMENT_KEPT_REPAIR_H_
#define PEREGRINE_ENGINE_DOCUMENT_KEPT_REPAIR_H_

#include <string>
#include <vector>

#include "engine/document/placement.h"
#include "engine/document/segment.h"
#include "engine/document/target_units.h"
#include "engine/document/units.h"

namespace peregrine::document {

// Sees to it that all of `segment.kept` stands in the translation: what does
// not replaces the words that came from it; what no word came from is returned,
// to be inserted, with the gap of the source where it stood. What stands there
// too often is taken out, but nothing of the first `given_bytes` bytes is
// changed. `are_markers`: which units are parts of a marker. `numbers_differ`:
// the translation has numbers that the source has not, in digits or in words.
struct KeptRepair {
  std::vector<Node> missing;  // points; ids are those of `texts`
  std::vector<std::string> texts;
  std::vector<bool> closed;  // gaps inside what is kept
  bool numbers_differ = false;
};
KeptRepair RepairKept(const Segment& segment, const UnitAlignment& alignment,
                      size_t given_bytes, const std::vector<bool>& are_markers,
                      TargetUnits* target);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_KEPT_REPAIR_H_
