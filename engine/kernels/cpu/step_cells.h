#ifndef PEREGRINE_ENGINE_KERNELS_CPU_STEP_CELLS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_STEP_CELLS_H_

#include "engine/kernels/cpu/vector_ops.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// Which cells the rows of a step read and write, for CpuKernels. A cell out of
// range is a bug of the caller and fatal.

// Where row `row` finds the state before, and where its new one goes.
StateRow StateRowOf(const StepRows& rows, int row, Matrix states);

// Copies the key and then the value that begin at element `offset` of each row
// of `projected` into the row's last cell.
void StoreNewest(const StepRows& rows, Matrix projected, int offset,
                 KvCells cache);

// All spans lie within `num_cells`.
void CheckSpans(const SourceSpans& spans, int num_cells);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_STEP_CELLS_H_
