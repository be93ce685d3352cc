#ifndef PEREGRINE_ENGINE_DOCUMENT_TARGET_UNITS_H_
#define PEREGRINE_ENGINE_DOCUMENT_TARGET_UNITS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/placement.h"
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
  // `text` instead of the units of `range`, which is not empty. Without text
  // they are gone.
  void Replace(UnitRange range, absl::string_view text);
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_TARGET_UNITS_H_
