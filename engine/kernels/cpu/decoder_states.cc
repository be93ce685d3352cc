// The operations of CpuKernels that carry a decoder's state along.

#include <algorithm>

#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/step_cells.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {

void CpuKernels::CompressedAttentionStep(HeadShape heads,
                                         const CompressedCells& cells,
                                         Matrix projected, Matrix context) {
  CheckCompressedAttentionStep(heads, cells, projected, context);
  const StepRows& rows = cells.rows;
  const SourceSpans& spans = cells.spans;
  CheckSpans(spans, cells.source.keys.rows);
  StoreNewest(ops_, rows, projected, heads.width(), cells.target);
  int max_length = 0;
  for (int r = 0; r < rows.num_rows; ++r) {
    max_length = std::max(max_length, spans.lengths[r] + rows.lengths[r]);
  }
  JointAttention attention;
  CellAttention& target = attention.target;
  target.queries = projected.data;
  target.keys = KeysOf(cells.target);
  target.values = ValuesOf(cells.target);
  target.key_stride = cells.target.keys.stride;
  target.value_stride = cells.target.values.stride;
  target.context = context.data;
  target.context_stride = context.cols;
  target.scratch =
      Scratch(ops_.cell_scratch_floats(heads.num_heads, max_length));
  if (target.scratch == nullptr) return;
  target.stride = projected.cols;
  target.num_rows = rows.num_rows;
  target.num_heads = heads.num_heads;
  target.head_dim = heads.head_dim;
  target.value_dim = context.cols / heads.num_heads;
  target.lengths = rows.lengths;
  target.cells = rows.cells;
  target.cells_stride = rows.cells_stride;
  attention.source_keys = KeysOf(cells.source);
  attention.source_values = ValuesOf(cells.source);
  attention.source_key_stride = cells.source.keys.stride;
  attention.source_value_stride = cells.source.values.stride;
  attention.source_begins = spans.begins;
  attention.source_lengths = spans.lengths;
  attention.inner = projected.data + 2 * heads.width() + context.cols;
  if (IsBFloat16(cells.target)) {
    ops_.attend_bfloat16_jointly(attention);
  } else {
    ops_.attend_jointly(attention);
  }
}

void CpuKernels::AverageStep(const StepRows& rows, Matrix x, Matrix states,
                             Matrix mean) {
  CheckAverageStep(rows, x, states, mean);
  for (int r = 0; r < rows.num_rows; ++r) {
    const StateRow row = StateRowOf(rows, r, states);
    ops_.average(row, x.row(r), rows.lengths[r]);
    std::copy_n(row.state, row.dim, mean.row(r));
  }
}

void CpuKernels::SsruStep(const StepRows& rows, Matrix projected, Matrix states,
                          Matrix y) {
  CheckSsruStep(rows, projected, states, y);
  for (int r = 0; r < rows.num_rows; ++r) {
    const float* input = projected.row(r);
    ops_.ssru(StateRowOf(rows, r, states), input, input + y.cols, y.row(r));
  }
}

void CpuKernels::AddGated(const Gated& a, const Gated& b, Matrix y) {
  CheckAddGated(a, b, y);
  for (int r = 0; r < y.rows; ++r) {
    ops_.add_gated(a.gate.row(r), a.value.row(r), b.gate.row(r), b.value.row(r),
                   y.cols, y.row(r));
  }
}

}  // namespace peregrine::kernels
