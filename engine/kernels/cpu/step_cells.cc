#include "engine/kernels/cpu/step_cells.h"

#include <algorithm>

#include "engine/base/check.h"

namespace peregrine::kernels {
namespace {

// The cell of the new position, and of the one before it; -1: there is none.
struct NewestCells {
  int32_t before;
  int32_t last;
};

NewestCells NewestCellsOf(const StepRows& rows, int row, int num_cells) {
  const int length = rows.lengths[row];
  PEREGRINE_CHECK(length > 0 && length <= rows.cells_stride)
      << "row " << row << " of " << length << " positions";
  const int32_t* end =
      rows.cells + static_cast<size_t>(row) * rows.cells_stride + length;
  const NewestCells newest = {length > 1 ? end[-2] : -1, end[-1]};
  PEREGRINE_CHECK(newest.last >= 0 && newest.last < num_cells)
      << "cell " << newest.last;
  PEREGRINE_CHECK(length == 1 ||
                  (newest.before >= 0 && newest.before < num_cells))
      << "cell " << newest.before;
  return newest;
}

}  // namespace

StateRow StateRowOf(const StepRows& rows, int row, Matrix states) {
  const NewestCells cells = NewestCellsOf(rows, row, states.rows);
  return {cells.before < 0 ? nullptr : states.row(cells.before),
          states.row(cells.last), states.cols};
}

void CheckSpans(const SourceSpans& spans, int num_cells) {
  for (int r = 0; r < spans.num_rows; ++r) {
    const int begin = spans.begins[r];
    const int length = spans.lengths[r];
    PEREGRINE_CHECK(begin >= 0 && length >= 0 && begin + length <= num_cells)
        << "row " << r << " from cell " << begin << " of " << length;
  }
}

bool IsBFloat16(const KvCells& cache) { return cache.bfloat16_keys != nullptr; }

const void* KeysOf(const KvCells& cache) {
  if (IsBFloat16(cache)) return cache.bfloat16_keys;
  return cache.keys.data;
}

const void* ValuesOf(const KvCells& cache) {
  if (IsBFloat16(cache)) return cache.bfloat16_values;
  return cache.values.data;
}

void StoreCell(const VectorOps& ops, const float* kv, int32_t cell,
               const KvCells& cache) {
  const float* const value = kv + cache.keys.cols;
  if (IsBFloat16(cache)) {
    ops.store_bfloat16(kv, cache.keys.cols,
                       cache.bfloat16_keys + cell * cache.keys.stride);
    ops.store_bfloat16(value, cache.values.cols,
                       cache.bfloat16_values + cell * cache.values.stride);
  } else {
    std::copy_n(kv, cache.keys.cols, cache.keys.row(cell));
    std::copy_n(value, cache.values.cols, cache.values.row(cell));
  }
}

void StoreNewest(const VectorOps& ops, const StepRows& rows, Matrix projected,
                 int offset, const KvCells& cache) {
  for (int r = 0; r < rows.num_rows; ++r) {
    StoreCell(ops, projected.row(r) + offset,
              NewestCellsOf(rows, r, cache.keys.rows).last, cache);
  }
}

}  // namespace peregrine::kernels
