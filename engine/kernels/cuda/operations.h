#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_OPERATIONS_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_OPERATIONS_H_

#include <cstddef>
#include <cstdint>

#include "engine/kernels/arguments.h"
#include "engine/kernels/cuda/runtime.h"

// The kernels, as the host starts them: each puts its work into `stream` and
// returns at once, with the error of the launch. All pointers are of device
// memory. The contracts are those of kernels::Kernels.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// ---- elementwise.cu

cudaError_t Embed(const EmbeddingTable& table, const int32_t* tokens,
                  const int32_t* positions, Matrix y, KernelStream stream);
cudaError_t LayerNorm(const NormWeight& norm, Matrix x, Matrix y,
                      KernelStream stream);
cudaError_t StoreKeysValues(const int32_t* cells, Matrix kv,
                            const KvCells& cache, KernelStream stream);
cudaError_t AverageStep(const StepRows& rows, Matrix x, Matrix states,
                        Matrix mean, KernelStream stream);
cudaError_t SsruStep(const StepRows& rows, Matrix projected, Matrix states,
                     Matrix y, KernelStream stream);
cudaError_t AddGated(const Gated& a, const Gated& b, Matrix y,
                     KernelStream stream);

// ---- linear.cu, few_rows.cu, bytes.cu

// Numbers of 8 bits, e4m3.
struct Float8 {
  uint8_t bits;
};

// A weight on the device: [padded_out, padded_in], zero where padded, in
// float32, 16 or 8 bits; its bias may be null.
struct PackedWeight {
  Precision precision = Precision::kFloat32;
  const void* weight = nullptr;
  const float* scales = nullptr;  // of 8 bits: [padded_out]
  const float* bias = nullptr;
  int out_dim = 0;
  int in_dim = 0;
  int padded_in = 0;
};
constexpr int kOutTile = 64;  // padded_out and padded_in are
constexpr int kInTile = 32;   // multiples of these

enum class Store { kOverwrite, kAdd };

// Rows that go into a product, and the norm that is taken of each before;
// without a gain: none. float32 takes none.
struct LinearInputs {
  Matrix x;
  NormWeight norm = {};
};
struct LinearOutputs {
  Activation activation = Activation::kNone;
  Store store = Store::kOverwrite;
  Matrix y;
};
struct Scratch {
  void* data = nullptr;
  size_t bytes = 0;
};

// `scratch` holds inputs in 16 or 8 bits; at least those of one row, or the
// operation is done in parts. `tiles_ahead`: see GpuTuning; the bits are the
// same.
cudaError_t Linear(const PackedWeight& weight, const LinearInputs& inputs,
                   const LinearOutputs& outputs, Scratch scratch,
                   bool tiles_ahead, KernelStream stream);

// In 8 bits, what is left after a product by cuBLASLt: `sums` [rows, out_dim]
// are int32 of int8, float32 of float8, and may be where y is if that is
// overwritten; `scales` [rows] are those of the inputs.
cudaError_t FinishBytes(const PackedWeight& weight, const void* sums,
                        const float* scales, const LinearOutputs& outputs,
                        KernelStream stream);

// ---- rows.cu

// Rows in the precision of a weight, [rows, padded_in], with zeros around. How
// weights come to the device, and inputs to a product.
struct RoundedRows {
  void* data = nullptr;
  float* scales = nullptr;  // of 8 bits: [rows]
  int rows = 0;             // no fewer than there are, if without a norm
  int padded_in = 0;
};
cudaError_t RoundRows(const LinearInputs& inputs, Precision precision,
                      const RoundedRows& to, KernelStream stream);

// Where rows in 8 bits and their scales are in scratch memory, and how much of
// it one takes.
size_t RoundedRowBytes(int padded_in);
RoundedRows RoundedRowsIn(Scratch scratch, int rows, int padded_in);

// y = activation(y).
cudaError_t Activate(Activation activation, Matrix y, KernelStream stream);
cudaError_t ActivateGated(Activation activation, Matrix projected, Matrix y,
                          KernelStream stream);

// Sets *different to 1 where `count` words of a and b are not the same.
cudaError_t CompareWords(const uint32_t* a, const uint32_t* b, size_t count,
                         int* different, KernelStream stream);

// ---- encoder_attention.cu

cudaError_t EncoderAttention(HeadShape heads, const PackedSequences& sequences,
                             Matrix qkv, Matrix context, KernelStream stream);

// ---- step_attention.cu

// How steps read keys and values: see GpuTuning. Where cells cannot be read so,
// it is by lane.
enum class KeyReading { kByLane, kByVector, kAhead };
cudaError_t SelfAttentionStep(HeadShape heads, const StepRows& rows, Matrix qkv,
                              const KvCells& cache, Matrix context,
                              KeyReading keys, KernelStream stream);
cudaError_t CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                               Matrix queries, const KvCells& cache,
                               Matrix context, KeyReading keys,
                               KernelStream stream);
cudaError_t CompressedAttentionStep(HeadShape heads,
                                    const CompressedCells& cells,
                                    Matrix projected, Matrix context,
                                    KeyReading keys, KernelStream stream);

// ---- top_k.cu

struct BestToken {
  float log_prob;
  int32_t token;
};

// The best k of each row of logits: best[rows, k]. `suppressed` and
// `constraints` (one a row) are on the device, too.
cudaError_t TopTokens(Matrix logits, const int32_t* suppressed,
                      int num_suppressed, const TokenConstraint* constraints,
                      int k, BestToken* best, KernelStream stream);

// The same with kTopKParts blocks a row, and another order of the sums.
// `scratch` has SplitTopKBytes(logits.rows, k).
constexpr int kTopKParts = 16;
size_t SplitTopKBytes(int rows, int k);
cudaError_t SplitTopTokens(Matrix logits, const int32_t* suppressed,
                           int num_suppressed,
                           const TokenConstraint* constraints, int k,
                           void* scratch, BestToken* best, KernelStream stream);

// ---- beams.cu: see BeamQueue

// The live hypotheses of beams, by row. What a beam has once is at its first
// row.
struct LiveHypotheses {
  int32_t* num_live = nullptr;
  int32_t* places = nullptr;  // beam_size, less those that ended if it shrinks
  double* scores = nullptr;   // sums of log-probabilities
  int32_t* tokens = nullptr;  // the last of each
  int32_t* cells = nullptr;   // [rows, cells_stride]: those of its positions
  int cells_stride = 0;
};

// From what the step before chose to the rows of this one. `largest` is the
// largest beam_size.
cudaError_t FollowBeams(const QueuedBeam* beams, int num_beams, int largest,
                        const LiveHypotheses& chosen, const int32_t* new_cells,
                        const LiveHypotheses& rows, int32_t* lengths,
                        TokenConstraint* constraints, KernelStream stream);

// Merges the best k of each row, 2 * beam_size or more, into the candidates of
// their beams, and chooses among them.
cudaError_t AdvanceBeams(const QueuedBeam* beams, int num_beams,
                         const LiveHypotheses& rows, const BestToken* best,
                         int k, int32_t eos, const LiveHypotheses& chosen,
                         BeamCandidate* candidates, KernelStream stream);

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_OPERATIONS_H_
