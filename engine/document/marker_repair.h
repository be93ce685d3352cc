#ifndef PEREGRINE_ENGINE_DOCUMENT_MARKER_REPAIR_H_
#define PEREGRINE_ENGINE_DOCUMENT_MARKER_REPAIR_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/repair_state.h"
#include "engine/document/segment.h"
#include "engine/document/span.h"

namespace peregrine::document {

// Puts each of `marked` in the place of its marker, once: a marker that stands
// there again is taken out. Returns those whose marker is missing. Comes before
// the repair of words and numbers, so that they leave markers alone.
std::vector<const Kept*> RepairMarkers(const std::vector<const Kept*>& marked,
                                       RepairState* state);

// Which of `units`, those of `translation`, are parts of a marker.
std::vector<bool> UnitsOfMarkers(const Segment& segment,
                                 absl::string_view translation,
                                 absl::Span<const ByteRange> units);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_MARKER_REPAIR_H_
