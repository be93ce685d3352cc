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

template <class V, class Row>
void AttendCells(const CellAttention& attention) {
  using Positions = CachePositions<Row>;
  CellsAttention<V, Row, Positions>(attention, Positions(attention)).Run();
}

template <class V, class Row>
void AttendJointly(const JointAttention& attention) {
  using Positions = JointPositions<Row>;
  const CellAttention& target = attention.target;
  CellsAttention<V, Row, Positions>(target, Positions(attention)).Run();
  const int width = target.num_heads * target.value_dim;
  for (int r = 0; r < target.num_rows; ++r) {
    AddReluRow<V>(attention.inner + r * target.stride, width,
                  target.context + r * target.context_stride);
  }
}

// The operations over vectors of type V, with the linear layers given:
// PanelLinear or TileLinear of a product.
template <class V, class BFloat16Linear, class Int8Linear>
constexpr VectorOps MakeVectorOps() {
  VectorOps ops = {};
  ops.float32 = PanelLinear<FloatProduct<V>>::Ops();
  ops.bfloat16 = BFloat16Linear::Ops();
  ops.int8 = Int8Linear::Ops();
  ops.embed = EmbedRow<V, FloatRow<V>>;
  ops.embed_bfloat16 = EmbedRow<V, BFloat16Row<V>>;
  ops.embed_int8 = EmbedInt8Row<V>;
  ops.layer_norm = NormRow<V>;
  ops.activate_gated = ActivateGatedRow<V>;
  ops.sequence_scratch_floats = SequenceAttention<V>::ScratchFloats;
  ops.attend_sequence = AttendSequence<V>;
  ops.cell_scratch_floats = CellScratchFloats<V>;
  ops.attend_cells = AttendCells<V, FloatRow<V>>;
  ops.attend_bfloat16_cells = AttendCells<V, BFloat16Row<V>>;
  ops.attend_jointly = AttendJointly<V, FloatRow<V>>;
  ops.attend_bfloat16_jointly = AttendJointly<V, BFloat16Row<V>>;
  ops.store_bfloat16 = StoreBFloat16Row<V>;
  ops.average = AverageRow<V>;
  ops.ssru = SsruRow<V>;
  ops.add_gated = AddGatedRow<V>;
  ops.largest = LargestOfRow<V>;
  ops.sum_of_exp = SumOfExp<V>;
  ops.top_k = TopKOfRow<V>;
  return ops;
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_TABLE_H_
