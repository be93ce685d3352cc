#ifndef PEREGRINE_ENGINE_DOCUMENT_TARGET_UNITS_H_
#define PEREGRINE_ENGINE_DOCUMENT_TARGET_UNITS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/placement.h"
#include "engine/document/segment.h"
#include "engine/document/units.h"

namespace peregrine::document {

// A translation, unit by unit, while it is mended: units keep their numbers
// when their text changes.
struct TargetUnits {
  explicit TargetUnits(absl::string_view text,
                       const std::vector<ByteRange>& ranges);

  std::vector<std::string> units;
  std::vector<std::string> gaps;  // gaps[i] in front of unit i; one more behind
  std::vector<bool> has_space;    // of the gaps

  std::string Text() const;
  // `text` instead of the units of `range`, which is not empty.
  void Replace(UnitRange range, absl::string_view text);
};

// Sees to it that all of `segment.kept` stands in the translation: what does
// not replaces the words that came from it; what no word came from is returned,
// to be inserted, with the gap of the source where it stood. `numbers_differ`:
// the translation has numbers that the source has not.
struct KeptRepair {
  std::vector<Node> missing;  // points; ids are those of `texts`
  std::vector<std::string> texts;
  std::vector<bool> closed;  // gaps inside what is kept
  bool numbers_differ = false;
};
KeptRepair RepairKept(const Segment& segment, const UnitAlignment& alignment,
                      TargetUnits* target);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_TARGET_UNITS_H_
