#ifndef PEREGRINE_ENGINE_MODEL_POSITIONS_H_
#define PEREGRINE_ENGINE_MODEL_POSITIONS_H_

#include <vector>

#include "engine/model/config.h"

namespace peregrine::model {

// The table [max_positions, dim] of a sinusoidal encoding, as specified in
// docs/model-format.md. `dim` is even.
std::vector<float> SinusoidalPositions(PositionEncoding encoding,
                                       int max_positions, int dim);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_POSITIONS_H_
