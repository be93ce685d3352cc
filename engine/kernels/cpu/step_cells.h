#ifndef PEREGRINE_ENGINE_KERNELS_CPU_STEP_CELLS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_STEP_CELLS_H_

#include "engine/kernels/cpu/vector_ops.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// Which cells the rows of a step read and write, for CpuKernels. A cell out of
// range is a bug of the caller and fatal.

// Where row `row` finds the state before, and where its new one goes.
StateRow StateRowOf(const StepRows& rows, int row, Matrix states);

// A cache has either floats or bfloat16; CellAttention takes both untyped.
bool IsBFloat16(const KvCells& cache);
const void* KeysOf(const KvCells& cache);
const void* ValuesOf(const KvCells& cache);

// Puts the key and the value of one position, one after the other in `kv`, into
// `cell`.
void StoreCell(const VectorOps& ops, const float* kv, int32_t cell,
               const KvCells& cache);

// The same of each row of `projected` from element `offset` on, into the row's
// last cell.
void StoreNewest(const VectorOps& ops, const StepRows& rows, Matrix projected,
                 int offset, const KvCells& cache);

// All spans lie within `num_cells`.
void CheckSpans(const SourceSpans& spans, int num_cells);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_STEP_CELLS_H_
