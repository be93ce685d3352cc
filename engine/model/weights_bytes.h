#ifndef PEREGRINE_ENGINE_MODEL_WEIGHTS_BYTES_H_
#define PEREGRINE_ENGINE_MODEL_WEIGHTS_BYTES_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"

namespace peregrine::model {

// The bytes that weights of `architecture` take on the device in `precision`:
// those of LoadWeights, which depend on shapes alone. Nothing is read, but the
// memory is needed for the time of the call.
absl::StatusOr<size_t> WeightsBytes(const ArchitectureConfig& architecture,
                                    kernels::Kernels& kernels,
                                    kernels::Precision precision,
                                    bool selects = false);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_WEIGHTS_BYTES_H_
