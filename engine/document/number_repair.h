#ifndef PEREGRINE_ENGINE_DOCUMENT_NUMBER_REPAIR_H_
#define PEREGRINE_ENGINE_DOCUMENT_NUMBER_REPAIR_H_

#include <vector>

#include "engine/document/repair_state.h"
#include "engine/document/segment.h"
#include "engine/document/span.h"

namespace peregrine::document {

// Each of `numbers`, those of the source, once. `found`: what looks like a
// number in the translation.
//
// A number that is wrong or in pieces is replaced by the one that it came
// from. One that stands there again, in whole or in part, is taken out with the
// words that were repeated with it, unless the source has it in words ("two of
// the 2"). Any other that the source has not is left, and told of.
void RepairNumbers(const std::vector<const Kept*>& numbers,
                   const std::vector<Span>& found, RepairState* state);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_NUMBER_REPAIR_H_
