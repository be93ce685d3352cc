#ifndef PEREGRINE_ENGINE_CONFIDENCE_H_
#define PEREGRINE_ENGINE_CONFIDENCE_H_

#include "engine/decode/decoding_options.h"
#include "engine/model/config.h"

namespace peregrine {

// How likely the translation of a sentence is to be a good one, 0 to 1, by what
// was measured of the model (scripts/measure-confidence).
float Confidence(const model::ConfidenceConfig& config,
                 const decode::Hypothesis& hypothesis);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_CONFIDENCE_H_
