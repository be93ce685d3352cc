#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_TABLE_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_TABLE_H_

#include "engine/kernels/cpu/vector/attention.h"
#include "engine/kernels/cpu/vector/cells_attention.h"
#include "engine/kernels/cpu/vector/linear.h"
#include "engine/kernels/cpu/vector/rows.h"
#include "engine/kernels/cpu/vector/states.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

template <class V>
void AttendSequence(const SequenceHead& head) {
  SequenceAttention<V>(head).Run();
}

template <class V>
void AttendCells(const CellAttention& attention) {
  CellsAttention<V, CachePositions<V>>(attention, CachePositions<V>(attention))
      .Run();
}

template <class V>
void AttendJointly(const JointAttention& attention) {
  const CellAttention& target = attention.target;
  CellsAttention<V, JointPositions<V>>(target, JointPositions<V>(attention))
      .Run();
  const int width = target.num_heads * target.value_dim;
  for (int r = 0; r < target.num_rows; ++r) {
    AddReluRow<V>(attention.inner + r * target.stride, width,
                  target.context + static_cast<size_t>(r) * width);
  }
}

// The operations over vectors of type V.
template <class V>
constexpr VectorOps MakeVectorOps() {
  VectorOps ops = {};
  ops.panel_columns = PanelLinear<V>::kColumns;
  ops.pack_weight = PanelLinear<V>::Pack;
  ops.partial_sums_floats = PanelLinear<V>::PartialSumsFloats;
  ops.linear = PanelLinear<V>::Run;
  ops.embed = EmbedRow<V>;
  ops.layer_norm = LayerNormRow<V>;
  ops.sequence_scratch_floats = SequenceAttention<V>::ScratchFloats;
  ops.attend_sequence = AttendSequence<V>;
  ops.cell_scratch_floats = CellScratchFloats<V>;
  ops.attend_cells = AttendCells<V>;
  ops.attend_jointly = AttendJointly<V>;
  ops.average = AverageRow<V>;
  ops.ssru = SsruRow<V>;
  ops.add_gated = AddGatedRow<V>;
  ops.softmax_sums = SoftmaxSumsOfRow<V>;
  ops.top_k = TopKOfRow<V>;
  return ops;
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_TABLE_H_
