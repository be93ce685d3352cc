#ifndef PEREGRINE_ENGINE_KERNELS_ARGUMENTS_H_
#define PEREGRINE_ENGINE_KERNELS_ARGUMENTS_H_

#include <cstddef>
#include <cstdint>

// What the operations of kernels.h are given: plain views of device memory and
// how to read them. Apart from it, since compilers for devices read this.

namespace peregrine::kernels {

// What a linear layer multiplies in. Its inputs, bias and results are float32.
//   kBFloat16: weights and inputs rounded to bfloat16, to nearest, ties to
//     even; sums in float32.
//   kFloat16: the same in IEEE half precision; what is larger than its largest
//     number becomes that.
//   kInt8: y = s * weight_scale[column] * input_scale[row] + b, each operation
//     rounded to float32, where s is the exact sum of the products of
//     round(w / weight_scale) and round(x / input_scale), ties to even. A scale
//     is the largest magnitude of its row of W or of x, divided by 127.
//   kFloat8: the same with numbers of e4m3 (base/float8.h), scales that are the
//     largest magnitude divided by 448, and sums in float32.
enum class Precision { kFloat32, kBFloat16, kFloat16, kInt8, kFloat8 };

// Applied to the inner layer of a feed-forward block. kGelu is the exact one,
// by erf; kGeluTanh its approximation by tanh:
// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
enum class Activation { kNone, kRelu, kGelu, kSwish, kGeluTanh };

// A row-major view of device memory; does not own it. `cols` elements a row,
// rows follow each other without a gap.
struct Matrix {
  float* data = nullptr;
  int rows = 0;
  int cols = 0;

  float* row(int r) const { return data + static_cast<size_t>(r) * cols; }
  Matrix Rows(int begin, int count) const { return {row(begin), count, cols}; }
};

// Gain and bias of a LayerNorm, [dim] each, on the device. Without a bias it is
// an RMS norm: no mean is taken off either.
struct NormWeight {
  const float* gain = nullptr;
  const float* bias = nullptr;  // or null
  float epsilon = 1e-5f;
};

// y = scale * table[token] + positions[position], on the device. The table
// [vocab_size, dim] is there in one type; a row of int8 is to be multiplied by
// its scale, rounded to float32.
struct EmbeddingTable {
  const float* table = nullptr;
  const uint16_t* bfloat16_table = nullptr;
  const int8_t* int8_table = nullptr;
  const float* int8_scales = nullptr;  // [vocab_size]
  const float* positions = nullptr;    // [max_positions, dim]
  float scale = 1.0f;
};

// What is added to a score by how far the key is behind the query (before it:
// below 0), which counts as at most max_distance either way. It is added before
// the score is divided by sqrt(head_dim).
struct DistanceBias {
  const float* table = nullptr;  // device [num_heads, 2 * max_distance + 1]
  int max_distance = 0;
};

// Number and width of attention heads; a row of queries, keys or values has
// num_heads * head_dim elements, the heads one after another.
struct HeadShape {
  int num_heads = 0;
  int head_dim = 0;
  DistanceBias bias = {};  // self-attention only; without a table: none
  int width() const { return num_heads * head_dim; }
};

// Sequences stored one after another without padding.
struct PackedSequences {
  int num_sequences = 0;
  int max_length = 0;
  const int32_t* offsets =
      nullptr;  // device [num_sequences + 1], offsets[0] = 0
};

// A matrix whose rows lie `stride` elements apart.
struct StridedMatrix {
  float* data = nullptr;
  int rows = 0;
  int cols = 0;
  size_t stride = 0;

  float* row(int r) const { return data + r * stride; }
};

// Keys and values of one layer: `num_cells` cells, each the key and the value
// of one position of one sequence. Who owns which cell is decided outside.
struct KvCells {
  StridedMatrix keys;    // [num_cells, key width]; their data may be null and
  StridedMatrix values;  // [num_cells, value width]
  uint16_t* bfloat16_keys = nullptr;  // the same in bfloat16, rows as far apart
  uint16_t* bfloat16_values = nullptr;
};

// The live rows (hypotheses) of one decode step over the cells of the target.
// Rows of length 0 are padding (see PaddedStep): they have no cells, nothing is
// stored for them, and what comes out for them does not matter.
struct StepRows {
  int num_rows = 0;
  const int32_t* lengths =
      nullptr;  // device [num_rows]: positions, with the new one
  const int32_t* cells =
      nullptr;           // device [num_rows, cells_stride]: cell of each
  int cells_stride = 0;  // position; hypotheses share those of ancestors
  // Rows may read cells that earlier rows of the same step write: they are
  // positions of one sequence.
  bool rows_follow = false;
};

// The span of source positions that each row attends to.
struct SourceSpans {
  int num_rows = 0;
  const int32_t* begins = nullptr;   // device [num_rows]: first cell
  const int32_t* lengths = nullptr;  // device [num_rows]
};

// What each row of compressed attention attends to: its source span, then its
// own positions. Values may be wider or narrower than keys: `num_heads` parts.
struct CompressedCells {
  SourceSpans spans;
  KvCells source;
  StepRows rows;
  KvCells target;  // in the type of `source`
};

// sigmoid(gate) * value, element by element.
struct Gated {
  Matrix gate;
  Matrix value;
};

// What may follow one hypothesis.
struct TokenConstraint {
  int32_t only = -1;       // the one token allowed, or -1
  int32_t forbidden = -1;  // one more forbidden token, or -1
  // Of no probability at all: the softmax is over the other tokens.
  bool forbidden_before_softmax = false;
};

// One way for a beam to go on: a hypothesis and the token that follows it.
struct BeamCandidate {
  double score;        // sum of log-probabilities, with that of `token`
  int32_t hypothesis;  // its index among the live ones of the beam
  int32_t token;
};

// A beam in a step of a BeamQueue. Its hypotheses have beam_size rows of the
// step, of which the first are in use.
constexpr int kMaxQueuedBeamSize = 32;
struct QueuedBeam {
  int beam_size = 0;  // at most kMaxQueuedBeamSize
  int first_row = 0;
  int followed_row = -1;  // first_row of the step before; -1: it had none
  int step = 0;           // the position that each hypothesis gets
  TokenConstraint constraint;
  bool is_free = false;  // the token of this step adds nothing to the score
  bool shrinks = false;  // every candidate that ends takes a place for good
};

// The arrays of a step whose rows BeamQueue fills in. On the device.
struct BeamRows {
  int32_t* tokens = nullptr;   // [rows]
  int32_t* lengths = nullptr;  // [rows]
  int32_t* cells = nullptr;    // [rows, cells_stride]
  int cells_stride = 0;
  const int32_t* new_cells = nullptr;  // [rows]: the cell of the new position
  const QueuedBeam* beams = nullptr;   // or null: the queue copies them
};

// How large the arrays of a decode step are.
struct StepShape {
  int rows = 0;
  int cells_stride = 0;  // of StepRows
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_ARGUMENTS_H_
