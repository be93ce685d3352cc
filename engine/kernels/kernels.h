#ifndef PEREGRINE_ENGINE_KERNELS_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_KERNELS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/kernels/arguments.h"

namespace peregrine {
class ThreadTeam;
}  // namespace peregrine

namespace peregrine::kernels {

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

// What the rows are that a weight is multiplied with: how many there will be,
// one or thousands, is known when it is packed.
enum class LinearRows { kHypotheses, kSourceTokens };

// Which operation the weight is for: Linear without ReLU, Linear with it,
// LinearAdd, or SelectedTopK beside OutputTopK. What a device prepares for it;
// others work, too.
enum class LinearUse { kPlain, kRelu, kAdd, kSelected };

// Writes the rows [first, first + count) of a matrix to `to`, one after
// another. May be called by several threads at once.
using RowReader = std::function<absl::Status(int first, int count, float* to)>;

// Where LinearWeight comes from: host memory, read only during the call, or
// rows that are read as they are packed, so that all of a large weight never
// stands in memory in float32.
struct LinearSource {
  absl::Span<const float> weight;  // [out_dim, in_dim], or empty: `read_rows`
  absl::Span<const float> bias;    // [out_dim], or empty
  int out_dim = 0;
  int in_dim = 0;
  Precision precision = Precision::kFloat32;
  LinearRows rows = LinearRows::kHypotheses;
  LinearUse use = LinearUse::kPlain;
  RowReader read_rows;  // of the weight
  // Shares the work of packing, where the host does it; null: none.
  ThreadTeam* team = nullptr;

  // The rows [first, first + count) where they stand, or read into `buffer`.
  absl::StatusOr<const float*> Rows(int first, int count,
                                    std::vector<float>& buffer) const;
};

// The best continuations of each row, in host memory, best first; ties go to
// the lower token. A row with fewer than k allowed tokens is filled up with
// token -1 and log-probability -infinity. Tokens of probability 0 (a logit of
// -infinity) are not allowed.
struct TopK {
  int k = 0;
  float* log_probs = nullptr;  // [rows, k]
  int32_t* tokens = nullptr;   // [rows, k]
  // [rows]: how many of a row are wanted, 1 to k; null: k. What a row has
  // beyond them is worth nothing.
  const int32_t* wanted = nullptr;
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

// How large the steps of a BeamQueue may be.
struct BeamQueueLimits {
  int max_rows = 0;
  int max_positions = 0;  // of a hypothesis
};

// Beam search on the device, for steps that it is given ahead of the host:
// greedy search is a beam of one. Each step is begun by Follow, run by the
// decoder and ended by Start; what became of it comes from Await, oldest first,
// while the device is at the next. Of the candidates of a beam, in order, those
// go on that are not `eos`, until there are as many as it has places:
// beam_size, for a beam that shrinks less those that ended, and of its
// candidates only as many are looked at. That a search is over only the host
// knows: the step after its last is forgotten.
//
// Belongs to the Kernels that made it, which must outlive it. Nothing may be
// begun, started or awaited during RunStep.
class BeamQueue {
 public:
  static constexpr int kMaxUnderWay = 2;  // started and not yet awaited

  virtual ~BeamQueue() = default;

  // Whether beams and new cells are better copied to the device by the caller,
  // in one piece with what else a step is told.
  virtual bool wants_one_upload() const { return false; }

  // Begins a step of `beams`, whose rows follow each other from row 0. Row
  // first_row + j continues what the step begun before chose as hypothesis j:
  // fills in its token and the cells of all positions up to `step`. Of a beam
  // without a step before only first_row is in use, and its token stays.
  // Lengths become 0 where a row is not in use, and stay elsewhere. `beams` are
  // of the host; rows.beams may be where the caller has copied them.
  virtual void Follow(absl::Span<const QueuedBeam> beams,
                      const BeamRows& rows) = 0;

  // Starts what Kernels::OutputTopK does for the rows of the step, and the
  // choice among them, and returns. The rows are as Follow left them.
  virtual void Start(const LinearWeight& projection, Matrix x,
                     absl::Span<const int32_t> suppressed, Matrix logits) = 0;

  // Waits for the oldest step under way. For a beam of it, the best 2 *
  // beam_size continuations of all its hypotheses are at 2 * first_row, best
  // first; ties go to the lower hypothesis. Where there are no more, token is
  // -1. `candidates` is as large as all beams need.
  virtual void Await(absl::Span<BeamCandidate> candidates) = 0;
};

// The time that a device takes for what it is asked for between two calls.
class Stopwatch {
 public:
  virtual ~Stopwatch() = default;
  virtual void Start() = 0;
  virtual void Stop() = 0;
  // Waits until the device has done what came before Stop. 0: it has failed.
  virtual std::chrono::nanoseconds Elapsed() = 0;
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

  // The first error of the device, as when it is lost. From then on what
  // operations leave is worth nothing and all calls return at once.
  virtual absl::Status status() const { return absl::OkStatus(); }

  // ---- Memory. RESOURCE_EXHAUSTED when the device has none left.
  virtual absl::StatusOr<std::unique_ptr<Buffer>> Allocate(size_t bytes) = 0;
  // Whether a buffer takes all of its memory when it is made, not as it is
  // used: then room for the worst case is no free choice.
  virtual bool commits_at_once() const { return false; }
  // UNIMPLEMENTED where the device does not multiply in source.precision; an
  // error of source.read_rows.
  virtual absl::StatusOr<std::unique_ptr<LinearWeight>> PackLinear(
      const LinearSource& source) = 0;
  // Host to device. The host memory may be reused when the call returns.
  virtual void CopyToDevice(const void* host, size_t bytes, void* device) = 0;
  virtual void CopyToHost(const void* device, size_t bytes, void* host) = 0;
  // Returns when all that this instance was asked for is done, so that time
  // can be measured. A device that works as it is called has nothing to do.
  virtual void Synchronize() {}
  // Belongs to this instance's thread, and must not outlive it. By default
  // reads the clock of the host.
  virtual std::unique_ptr<Stopwatch> NewStopwatch();

  // ---- Steps that repeat. A device on which starting an operation costs more
  // than a few rows wants steps of few different shapes.

  // At least `shape`: what a step is to be padded to, with rows of length 0.
  virtual StepShape PaddedStep(StepShape shape) const { return shape; }

  // Runs `step`, or what an earlier one of the same owner and shape did. So it
  // must call operations of this instance only, but for OutputTopK and copies,
  // and the same ones with the same arguments for the same owner and shape.
  virtual void RunStep(int64_t /*owner*/, StepShape /*shape*/,
                       absl::FunctionRef<void()> step) {
    step();
  }
  // A new owner.
  int64_t NewStepOwner() { return ++num_step_owners_; }

  // Tokens that go through an encoder layer together.
  virtual int encoder_chunk_tokens() const { return 128; }

  // ---- Operations. Shapes are the caller's duty and are checked (CHECK).

  // y[rows, dim] from tokens[rows], positions[rows] (device).
  virtual void Embed(const EmbeddingTable& table, const int32_t* tokens,
                     const int32_t* positions, Matrix y) = 0;

  // y = (x - mean) / sqrt(variance + epsilon) * gain + bias, a row each.
  // Without a bias: y = x / sqrt(mean of squares + epsilon) * gain. y may be x.
  virtual void LayerNorm(const NormWeight& norm, Matrix x, Matrix y) = 0;

  // y = activation(x W^T + b).
  virtual void Linear(const LinearWeight& weight, Matrix x,
                      Activation activation, Matrix y) = 0;

  // y += x W^T + b: the end of a residual branch.
  virtual void LinearAdd(const LinearWeight& weight, Matrix x, Matrix y) = 0;

  // y = activation(LN(x) W^T + b), with the bits of LayerNorm and then Linear.
  // `normed` is scratch of the shape of x.
  virtual void NormLinear(const NormWeight& norm, const LinearWeight& weight,
                          Matrix x, Matrix normed, Activation activation,
                          Matrix y) {
    LayerNorm(norm, x, normed);
    Linear(weight, normed, activation, y);
  }

  // y[rows, dim] = activation(a) * b of projected[rows, 2 * dim] = [a | b].
  virtual void ActivateGated(Activation activation, Matrix projected,
                             Matrix y) = 0;

  // Attention: softmax((q k^T + bias) / sqrt(head_dim)) v, head by head.

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

  // Null: the device works as it is called, and nothing would be gained.
  // RESOURCE_EXHAUSTED as Allocate.
  virtual absl::StatusOr<std::unique_ptr<BeamQueue>> NewBeamQueue(
      const BeamQueueLimits& /*limits*/, int32_t /*eos*/) {
    return std::unique_ptr<BeamQueue>();
  }

  // Whether SelectedTopK is faster than OutputTopK. Where it is not, sentences
  // do without a shortlist.
  virtual bool gains_by_selections() const { return true; }

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

 private:
  int64_t num_step_owners_ = 0;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_KERNELS_H_
