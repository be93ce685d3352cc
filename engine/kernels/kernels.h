#ifndef PEREGRINE_ENGINE_KERNELS_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace peregrine::kernels {

// What a linear layer multiplies in. Its inputs, bias and results are float32.
//   kBFloat16: weights and inputs rounded to bfloat16, to nearest, ties to
//     even; sums in float32.
//   kInt8: y = s * weight_scale[column] * input_scale[row] + b, each operation
//     rounded to float32, where s is the exact sum of the products of
//     round(w / weight_scale) and round(x / input_scale), ties to even. A scale
//     is the largest magnitude of its row of W or of x, divided by 127.
enum class Precision { kFloat32, kBFloat16, kInt8 };

// Applied to the inner layer of a feed-forward block.
enum class Activation { kNone, kRelu, kGelu, kSwish };

// A row-major view of device memory; does not own it. `cols` elements a row,
// rows follow each other without a gap.
struct Matrix {
  float* data = nullptr;
  int rows = 0;
  int cols = 0;

  float* row(int r) const { return data + static_cast<size_t>(r) * cols; }
  Matrix Rows(int begin, int count) const { return {row(begin), count, cols}; }
};

// Owned device memory. On a CPU its pages are committed when first touched, so
// that a generous reservation costs nothing.
class Buffer {
 public:
  virtual ~Buffer() = default;
  virtual void* data() const = 0;
  virtual size_t bytes() const = 0;
};

// The weight [out_dim, in_dim] and optional bias [out_dim] of y = x W^T + b,
// laid out for one device. Immutable: any number of threads may use it.
class LinearWeight {
 public:
  virtual ~LinearWeight() = default;
  virtual int in_dim() const = 0;
  virtual int out_dim() const = 0;
  virtual size_t bytes() const = 0;  // device memory held
};

// Where LinearWeight comes from: host memory, read only during the call.
struct LinearSource {
  absl::Span<const float> weight;  // [out_dim, in_dim]
  absl::Span<const float> bias;    // [out_dim], or empty
  int out_dim = 0;
  int in_dim = 0;
  Precision precision = Precision::kFloat32;
};

// Gain and bias of a LayerNorm, [dim] each, on the device.
struct NormWeight {
  const float* gain = nullptr;
  const float* bias = nullptr;
  float epsilon = 1e-5f;
};

// y = scale * table[token] + positions[position], on the device.
struct EmbeddingTable {
  const float* table = nullptr;              // [vocab_size, dim], or null and
  const uint16_t* bfloat16_table = nullptr;  // the same in bfloat16
  const float* positions = nullptr;          // [max_positions, dim]
  float scale = 1.0f;
};

// Number and width of attention heads; a row of queries, keys or values has
// num_heads * head_dim elements, the heads one after another.
struct HeadShape {
  int num_heads = 0;
  int head_dim = 0;
  int width() const { return num_heads * head_dim; }
};

// Sequences stored one after another without padding.
struct PackedSequences {
  int num_sequences = 0;
  int max_length = 0;
  const int32_t* offsets =
      nullptr;  // device [num_sequences + 1], offsets[0] = 0
};

// Keys and values of one layer: `num_cells` cells, each the key and the value
// of one position of one sequence. Who owns which cell is decided outside.
struct KvCells {
  Matrix keys;    // [num_cells, key width]; their data may be null and
  Matrix values;  // [num_cells, value width]
  uint16_t* bfloat16_keys = nullptr;  // the same in bfloat16
  uint16_t* bfloat16_values = nullptr;
};

// The live rows (hypotheses) of one decode step over the cells of the target.
struct StepRows {
  int num_rows = 0;
  const int32_t* lengths =
      nullptr;  // device [num_rows]: positions, with the new one
  const int32_t* cells =
      nullptr;           // device [num_rows, cells_stride]: cell of each
  int cells_stride = 0;  // position; hypotheses share those of ancestors
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

// The best continuations of each row, in host memory, best first; ties go to
// the lower token. A row with fewer than k allowed tokens is filled up with
// token -1 and log-probability -infinity. Tokens of probability 0 (a logit of
// -infinity) are not allowed.
struct TopK {
  int k = 0;
  float* log_probs = nullptr;  // [rows, k]
  int32_t* tokens = nullptr;   // [rows, k]
};

// Some outputs of a projection: all tokens that one sentence may be made of
// (a vocabulary shortlist). Immutable. Devices derive from it to keep what
// they prepare.
class OutputSelection {
 public:
  // `tokens` rise.
  explicit OutputSelection(absl::Span<const int32_t> tokens)
      : tokens_(tokens.begin(), tokens.end()) {}
  virtual ~OutputSelection() = default;

  absl::Span<const int32_t> tokens() const { return tokens_; }

  // Where `token` is among them, or -1.
  int32_t IndexOf(int32_t token) const;

 private:
  const std::vector<int32_t> tokens_;
};

// The operations of a Transformer on one device: the only virtual seam of the
// engine. The graph in model/ is written once over it. Operations are coarse,
// so that each device fuses as it likes; all views are of memory that this
// device allocated. One instance belongs to one worker thread; weights and
// buffers may be shared by all instances for the same device.
//
// A row of a result depends on the arguments of that row alone, bit for bit:
// never on how many other rows there are nor on its place among them. (One
// device can promise it on some machines only: see OneDnnKernels.)
class Kernels {
 public:
  virtual ~Kernels() = default;

  // For humans and metrics: "cpu", "reference", "cuda:0".
  virtual const std::string& device() const = 0;

  // ---- Memory. RESOURCE_EXHAUSTED when the device has none left.
  virtual absl::StatusOr<std::unique_ptr<Buffer>> Allocate(size_t bytes) = 0;
  // UNIMPLEMENTED where the device does not multiply in source.precision.
  virtual absl::StatusOr<std::unique_ptr<LinearWeight>> PackLinear(
      const LinearSource& source) = 0;
  // Host to device. The host memory may be reused when the call returns.
  virtual void CopyToDevice(const void* host, size_t bytes, void* device) = 0;
  virtual void CopyToHost(const void* device, size_t bytes, void* host) = 0;
  // Returns when all that this instance was asked for is done, so that time
  // can be measured. A device that works as it is called has nothing to do.
  virtual void Synchronize() {}

  // ---- Operations. Shapes are the caller's duty and are checked (CHECK).

  // y[rows, dim] from tokens[rows], positions[rows] (device).
  virtual void Embed(const EmbeddingTable& table, const int32_t* tokens,
                     const int32_t* positions, Matrix y) = 0;

  // y = (x - mean) / sqrt(variance + epsilon) * gain + bias, a row each.
  // y may be x.
  virtual void LayerNorm(const NormWeight& norm, Matrix x, Matrix y) = 0;

  // y = activation(x W^T + b).
  virtual void Linear(const LinearWeight& weight, Matrix x,
                      Activation activation, Matrix y) = 0;

  // y += x W^T + b: the end of a residual branch.
  virtual void LinearAdd(const LinearWeight& weight, Matrix x, Matrix y) = 0;

  // Attention: softmax(q k^T / sqrt(head_dim)) v, head by head.

  // Full self-attention inside each sequence:
  // qkv[tokens, 3 * width] -> context[tokens, width].
  virtual void EncoderAttention(HeadShape heads,
                                const PackedSequences& sequences, Matrix qkv,
                                Matrix context) = 0;

  // Causal self-attention of one new position a row. Stores its key and value
  // in the row's last cell, then attends over all cells of the row.
  // qkv[rows, 3 * width] -> context[rows, width].
  virtual void SelfAttentionStep(HeadShape heads, const StepRows& rows,
                                 Matrix qkv, KvCells cache, Matrix context) = 0;

  // Stores rows [keys | values] of kv, as wide as both together, in
  // cells[tokens].
  virtual void StoreKeysValues(const int32_t* cells, Matrix kv,
                               KvCells cache) = 0;

  // Attention of each row over its source span; zero where that is empty.
  // queries[rows, width] -> context[rows, width].
  virtual void CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                                  Matrix queries, KvCells cache,
                                  Matrix context) = 0;

  // CompressedCells: the rows of `projected` are [query | key | value | inner],
  // query and key of heads.width() elements, the others as wide as the values.
  // Stores key and value in the row's last target cell, then
  // context = ReLU(attention over source span and own cells + inner).
  virtual void CompressedAttentionStep(HeadShape heads,
                                       const CompressedCells& cells,
                                       Matrix projected, Matrix context) = 0;

  // States that are carried from position to position: `states` has a row a
  // cell. A step reads the row of the position before, whichever hypothesis
  // wrote it, and writes that of the row's last cell; the first position
  // follows a state of zero.

  // state_t = ((t - 1) state_t-1 + x) / t, the mean of x over the t positions;
  // mean[rows, dim] is the new state.
  virtual void AverageStep(const StepRows& rows, Matrix x, Matrix states,
                           Matrix mean) = 0;

  // The rows of projected[rows, 2 * dim] are [input | forget]. With
  // f = sigmoid(forget): state_t = f state_t-1 + (1 - f) input;
  // y[rows, dim] += ReLU(state_t).
  virtual void SsruStep(const StepRows& rows, Matrix projected, Matrix states,
                        Matrix y) = 0;

  // y += a + b. y may be a value, but no gate.
  virtual void AddGated(const Gated& a, const Gated& b, Matrix y) = 0;

  // Log-softmax over the whole vocabulary of x W^T + b (but see
  // TokenConstraint), then the best k that
  // `suppressed` (for all rows) and `constraints` (one a row) allow; both are
  // host memory. `only` outranks `suppressed` and `forbidden`. Returns when
  // the result is there. `logits` is scratch of [x.rows, vocab_size].
  virtual void OutputTopK(const LinearWeight& projection, Matrix x,
                          absl::Span<const int32_t> suppressed,
                          absl::Span<const TokenConstraint> constraints,
                          Matrix logits, TopK result) = 0;

  // Prepares `tokens` of the projection, which rise, for SelectedTopK. By
  // default only notes them. RESOURCE_EXHAUSTED as Allocate.
  virtual absl::StatusOr<std::unique_ptr<OutputSelection>> SelectOutputs(
      const LinearWeight& projection, absl::Span<const int32_t> tokens);

  // OutputTopK as if the vocabulary were the tokens of `selection`, which came
  // from SelectOutputs for this projection: the softmax is over them alone. By
  // default picks them from the logits of the whole vocabulary, on the host;
  // a device that overrides this multiplies by the selected outputs only.
  virtual void SelectedTopK(const LinearWeight& projection,
                            const OutputSelection& selection, Matrix x,
                            absl::Span<const int32_t> suppressed,
                            absl::Span<const TokenConstraint> constraints,
                            Matrix logits, TopK result);
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_KERNELS_H_
