#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_STEP_SHAPES_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_STEP_SHAPES_H_

#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// The bucket of a decode step: rows are rounded up to 1, 2, 3, 4, 6, 8, 12, 16,
// 24, ... (at most half are padding, a third from 3 rows on), cells to 32, 64,
// 128, ... so that a server whose load varies from one sentence to hundreds
// meets a few dozen shapes, each captured once as a graph.
StepShape StepBucket(StepShape shape);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_STEP_SHAPES_H_
