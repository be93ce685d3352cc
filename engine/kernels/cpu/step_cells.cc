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

void StoreNewest(const StepRows& rows, Matrix projected, int offset,
                 KvCells cache) {
  const int width = cache.keys.cols;
  for (int r = 0; r < rows.num_rows; ++r) {
    const int32_t cell = NewestCellsOf(rows, r, cache.keys.rows).last;
    const float* key = projected.row(r) + offset;
    std::copy_n(key, width, cache.keys.row(cell));
    std::copy_n(key + width, cache.values.cols, cache.values.row(cell));
  }
}

}  // namespace peregrine::kernels
