#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/kernels.h"

// The sources in vector/ call no function of the standard library, nor any
// inline function that isn't a template over the vector type: compiled there
// with wide instructions, theirs could be the copy that the linker keeps for
// the whole program.

namespace peregrine::kernels {

// y = activation(x W^T + b), or y += x W^T + b, with W packed in panels (see
// VectorOps::pack_weight).
struct PackedLinear {
  const float* x = nullptr;       // [rows, in_dim]
  const float* panels = nullptr;  // [panels, in_dim, panel_columns]
  const float* bias = nullptr;    // [panels * panel_columns]
  float* y = nullptr;             // [rows, out_dim]
  float* partial_sums = nullptr;  // scratch: partial_sums_floats(rows)
  int rows = 0;
  int in_dim = 0;
  int out_dim = 0;
  Activation activation = Activation::kNone;
  bool add_to_y = false;  // then no activation
};

// Attention of all positions of one sequence to each other, one head.
struct SequenceHead {
  const float* queries = nullptr;  // [length, head_dim] at `stride`
  const float* keys = nullptr;     // the same
  const float* values = nullptr;   // the same
  float* context = nullptr;        // [length, head_dim] at `context_stride`
  float* scratch = nullptr;        // sequence_scratch_floats(length, head_dim)
  size_t stride = 0;
  size_t context_stride = 0;
  int length = 0;
  int head_dim = 0;
};

// Attention of rows of queries to cells of a cache, all heads.
struct CellAttention {
  const float* queries = nullptr;  // [num_heads * head_dim] each, at `stride`
  const float* keys = nullptr;     // [cells, num_heads * head_dim]
  const float* values = nullptr;   // [cells, num_heads * value_dim]
  float* context = nullptr;        // [num_rows, num_heads * value_dim]
  float* scratch = nullptr;  // cell_scratch_floats(num_heads, longest length)
  size_t stride = 0;
  int num_rows = 0;
  int num_heads = 0;
  int head_dim = 0;
  int value_dim = 0;
  const int32_t* lengths = nullptr;  // [num_rows]; 0: the context is zero
  // The cells of a row: begins[row] onwards, or those that cells[row] lists.
  const int32_t* begins = nullptr;  // [num_rows], or null
  const int32_t* cells = nullptr;   // [num_rows, cells_stride], or null
  int cells_stride = 0;
};

// Attention of rows of queries first to a span of source cells, then to the
// cells of their own target positions:
// context = ReLU(softmax(query keys^T / sqrt(head_dim)) values + inner).
struct JointAttention {
  CellAttention target;  // at least one position a row; its scratch for all
  const float* source_keys = nullptr;       // widths as in `target`
  const float* source_values = nullptr;     // the same
  const int32_t* source_begins = nullptr;   // [num_rows]
  const int32_t* source_lengths = nullptr;  // [num_rows]
  const float* inner = nullptr;  // as wide as the context, at `target.stride`
};

// One row of a step that carries a state.
struct StateRow {
  const float* before = nullptr;  // [dim]; null at the first position
  float* state = nullptr;         // [dim]: the new one
  int dim = 0;
};

struct SoftmaxSums {
  float max = 0.0f;
  float sum = 0.0f;  // of exp(x - max)
};

// The inner loops of CpuKernels for one instruction set. Pointers need no
// alignment except that of `panels` and `scratch`: 64 bytes.
struct VectorOps {
  int panel_columns;  // columns of W^T that lie together in a packed weight

  // [out_dim, in_dim] to panels; columns past out_dim are zero.
  void (*pack_weight)(const float* weight, int out_dim, int in_dim,
                      float* panels);
  size_t (*partial_sums_floats)(int rows);
  void (*linear)(const PackedLinear& linear);

  void (*embed)(const float* token, const float* position, float scale, int dim,
                float* y);
  void (*layer_norm)(const float* x, const float* gain, const float* bias,
                     float epsilon, int dim, float* y);

  size_t (*sequence_scratch_floats)(int length, int head_dim);
  void (*attend_sequence)(const SequenceHead& head);
  size_t (*cell_scratch_floats)(int num_heads, int length);
  void (*attend_cells)(const CellAttention& attention);
  void (*attend_jointly)(const JointAttention& attention);

  // Rows of Kernels::AverageStep (of the position `count`, from 1), SsruStep
  // and AddGated.
  void (*average)(const StateRow& row, const float* x, int count);
  void (*ssru)(const StateRow& row, const float* input, const float* forget,
               float* y);
  void (*add_gated)(const float* a_gate, const float* a_value,
                    const float* b_gate, const float* b_value, int dim,
                    float* y);

  SoftmaxSums (*softmax_sums)(const float* x, int count);
  // The k largest elements, largest first, ties to the lower index. Elements
  // of -infinity do not count; what is missing becomes -infinity with index -1.
  void (*top_k)(const float* x, int count, int k, float* values,
                int32_t* indices);
};

// One for each Isa, each in a source of its own compiled for it. Only
// GenericVectorOps exists on machines other than x86-64.
const VectorOps& GenericVectorOps();
const VectorOps& Avx2VectorOps();
const VectorOps& Avx512VectorOps();

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_H_
