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

enum class Isa;

// Weights and inputs of a matrix product lie in steps of the depth (in_dim). A
// step of one column of W^T is a lane of 4 bytes: one float, two bfloat16 or
// four int8. What lies past in_dim and out_dim is zero.

// Where LinearOps::pack_weight writes to, zero before; the columns of all
// panels, those past out_dim too.
struct PackedWeight {
  size_t steps = 0;               // a multiple of LinearOps::step_multiple
  uint32_t* panels = nullptr;     // [panels, steps, panel_columns]
  float* scales = nullptr;        // [columns], int8 only
  int32_t* first_sums = nullptr;  // [columns], int8 only: what sums begin with
};

// y = activation(x W^T + b), or y += x W^T + b, with W packed.
struct PackedLinear {
  const void* inputs = nullptr;         // [rows] at `input_stride`, packed
  const float* input_scales = nullptr;  // [rows], int8 only
  const uint32_t* panels = nullptr;     // as in PackedWeight
  const float* weight_scales = nullptr;
  const int32_t* first_sums = nullptr;
  const float* bias = nullptr;       // [columns]
  float* y = nullptr;                // [rows, out_dim] at `y_stride`
  uint32_t* partial_sums = nullptr;  // scratch: [rows, panel_columns]
  size_t input_stride = 0;           // bytes
  size_t y_stride = 0;               // elements
  int rows = 0;                      // at most max_rows
  int steps = 0;
  int out_dim = 0;
  Activation activation = Activation::kNone;
  bool add_to_y = false;  // then no activation
};

// Some outputs of a weight in int8 that lies by rows, as W does: y[r, i] is the
// output outputs[i] of row r, with the bits that PackedLinear gives it.
struct ListedLinear {
  const void* inputs = nullptr;  // as in PackedLinear, with their scales
  const float* input_scales = nullptr;
  const int8_t* weight = nullptr;    // [out_dim, row_bytes], zero past in_dim
  const int32_t* outputs = nullptr;  // [count]
  const float* weight_scales = nullptr;  // [count]: of these outputs
  const int32_t* first_sums = nullptr;   // likewise
  const float* bias = nullptr;           // likewise
  float* y = nullptr;                    // [rows, count] at `y_stride`
  size_t input_stride = 0;               // bytes
  size_t y_stride = 0;                   // elements
  int rows = 0;
  int row_bytes = 0;  // a multiple of 64
  int count = 0;
};

// The inner loops of linear layers in one precision.
struct LinearOps {
  int panel_columns;  // columns of W^T that lie together in a packed weight
  int max_rows;       // of one call
  int step_depth;     // of in_dim in a step
  int step_bytes;     // of a row of inputs
  int step_multiple;  // of which a packed weight has a whole number; 1 or 16
  void (*pack_weight)(const float* weight, int out_dim, int in_dim,
                      const PackedWeight& to);
  // Packs a row of x into RoundUp(steps, 16) steps; returns its scale. Null
  // where the row can be used as it is.
  float (*pack_inputs)(const float* x, int in_dim, void* inputs);
  void (*run)(const PackedLinear& linear);
  void (*run_listed)(const ListedLinear& listed);  // int8 only, else null
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
  DistanceBias bias;  // of this head; without a table: none
};

// Attention of rows of queries to cells of a cache, all heads. Keys and values
// are floats, or bfloat16 where the operation says so.
struct CellAttention {
  const float* queries = nullptr;  // [num_heads * head_dim] each, at `stride`
  const void* keys = nullptr;    // [cells, num_heads * head_dim] at key_stride
  const void* values = nullptr;  // [cells, num_heads * value_dim] at
                                 // value_stride
  float* context = nullptr;      // [num_rows, num_heads * value_dim], rows at
                                 // context_stride
  float* scratch = nullptr;  // cell_scratch_floats(num_heads, longest length)
  size_t stride = 0;
  size_t context_stride = 0;
  size_t key_stride = 0;    // elements
  size_t value_stride = 0;  // likewise
  int num_rows = 0;
  int num_heads = 0;
  int head_dim = 0;
  int value_dim = 0;
  DistanceBias bias;  // of all heads: the query is at the last position
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
  const void* source_keys = nullptr;        // types and widths as in `target`
  const void* source_values = nullptr;      // the same
  size_t source_key_stride = 0;             // elements
  size_t source_value_stride = 0;           // likewise
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

// The inner loops of CpuKernels for one instruction set. Pointers need no
// alignment except those of packed weights and inputs and of `scratch`: 64
// bytes.
struct VectorOps {
  LinearOps float32;
  LinearOps bfloat16;
  LinearOps int8;

  void (*embed)(const float* token, const float* position, float scale, int dim,
                float* y);
  void (*embed_bfloat16)(const uint16_t* token, const float* position,
                         float scale, int dim, float* y);
  void (*embed_int8)(const int8_t* token, float token_scale,
                     const float* position, float scale, int dim, float* y);
  // `bias` may be null, see NormWeight.
  void (*layer_norm)(const float* x, const float* gain, const float* bias,
                     float epsilon, int dim, float* y);
  // y = activation(gate) * value
  void (*activate_gated)(Activation activation, const float* gate,
                         const float* value, int dim, float* y);

  size_t (*sequence_scratch_floats)(int length, int head_dim);
  void (*attend_sequence)(const SequenceHead& head);
  size_t (*cell_scratch_floats)(int num_heads, int length);
  void (*attend_cells)(const CellAttention& attention);
  void (*attend_bfloat16_cells)(const CellAttention& attention);
  void (*attend_jointly)(const JointAttention& attention);
  void (*attend_bfloat16_jointly)(const JointAttention& attention);
  void (*store_bfloat16)(const float* x, int count, uint16_t* y);

  // Rows of Kernels::AverageStep (of the position `count`, from 1), SsruStep
  // and AddGated.
  void (*average)(const StateRow& row, const float* x, int count);
  void (*ssru)(const StateRow& row, const float* input, const float* forget,
               float* y);
  void (*add_gated)(const float* a_gate, const float* a_value,
                    const float* b_gate, const float* b_value, int dim,
                    float* y);

  float (*largest)(const float* x, int count);
  // Of exp(x - reference), and the largest x. Worth nothing where that is more
  // than 88 above the reference.
  float (*sum_of_exp)(const float* x, int count, float reference,
                      float* largest);
  // Adds x, whose first element has the index `first`, to the k largest
  // elements so far, largest first, ties to the lower index. The list begins as
  // -infinity with the index -1; elements of -infinity do not count.
  void (*top_k)(const float* x, int count, int first, int k, float* values,
                int32_t* indices);
};

// One for each Isa, in a source compiled for the instruction set that it is
// named after. Only GenericVectorOps exists on machines other than x86-64.
const VectorOps& GenericVectorOps();
const VectorOps& Avx2VectorOps();
const VectorOps& AvxVnniVectorOps();
const VectorOps& Avx512VectorOps();
const VectorOps& Avx512VnniVectorOps();
const VectorOps& Avx512Bf16VectorOps();
const VectorOps& Avx512AmxVectorOps();

// That of `isa`, which must be supported (CHECK).
const VectorOps& VectorOpsFor(Isa isa);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_OPS_H_
