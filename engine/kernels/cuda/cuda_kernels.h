#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_CUDA_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_CUDA_KERNELS_H_

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "engine/kernels/cuda/cuda_device.h"
#include "engine/kernels/cuda/library_products.h"
#include "engine/kernels/cuda/operations.h"
#include "engine/kernels/cuda/staging.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// The operations on one GPU, on a stream of their own: each puts its work into
// the stream and returns. OutputTopK, CopyToHost and PackLinear wait for it,
// copies to the device only when staging memory is full. Decisions are in
// docs/decisions/0006-cuda.md.
class CudaKernels final : public Kernels {
 public:
  static absl::StatusOr<std::unique_ptr<CudaKernels>> Create(
      std::shared_ptr<CudaDevice> device, const ProductOptions& products,
      const GpuTuning& tuning = {});
  ~CudaKernels() override;

  const std::string& device() const override { return device_->name(); }
  absl::Status status() const override { return error_; }

  absl::StatusOr<std::unique_ptr<Buffer>> Allocate(size_t bytes) override;
  bool commits_at_once() const override { return true; }
  absl::StatusOr<std::unique_ptr<LinearWeight>> PackLinear(
      const LinearSource& source) override;
  void CopyToDevice(const void* host, size_t bytes, void* device) override;
  void CopyToHost(const void* device, size_t bytes, void* host) override;

  // Until all that was asked for is done.
  void Synchronize() override;
  std::unique_ptr<Stopwatch> NewStopwatch() override;

  StepShape PaddedStep(StepShape shape) const override;
  void RunStep(int64_t owner, StepShape shape,
               absl::FunctionRef<void()> step) override;
  int encoder_chunk_tokens() const override { return 4096; }

  void Embed(const EmbeddingTable& table, const int32_t* tokens,
             const int32_t* positions, Matrix y) override;
  void LayerNorm(const NormWeight& norm, Matrix x, Matrix y) override;
  void NormLinear(const NormWeight& norm, const LinearWeight& weight, Matrix x,
                  Matrix normed, Activation activation, Matrix y) override;
  void ActivateGated(Activation activation, Matrix projected,
                     Matrix y) override;
  void Linear(const LinearWeight& weight, Matrix x, Activation activation,
              Matrix y) override;
  void LinearAdd(const LinearWeight& weight, Matrix x, Matrix y) override;
  void EncoderAttention(HeadShape heads, const PackedSequences& sequences,
                        Matrix qkv, Matrix context) override;
  void SelfAttentionStep(HeadShape heads, const StepRows& rows, Matrix qkv,
                         KvCells cache, Matrix context) override;
  void StoreKeysValues(const int32_t* cells, Matrix kv, KvCells cache) override;
  void CrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                          Matrix queries, KvCells cache,
                          Matrix context) override;
  void CompressedAttentionStep(HeadShape heads, const CompressedCells& cells,
                               Matrix projected, Matrix context) override;
  void AverageStep(const StepRows& rows, Matrix x, Matrix states,
                   Matrix mean) override;
  void SsruStep(const StepRows& rows, Matrix projected, Matrix states,
                Matrix y) override;
  void AddGated(const Gated& a, const Gated& b, Matrix y) override;
  void OutputTopK(const LinearWeight& projection, Matrix x,
                  absl::Span<const int32_t> suppressed,
                  absl::Span<const TokenConstraint> constraints, Matrix logits,
                  TopK result) override;
  // A selection would be multiplied by whole, then copied and waited for row
  // by row; the whole vocabulary takes microseconds.
  bool gains_by_selections() const override { return false; }
  absl::StatusOr<std::unique_ptr<BeamQueue>> NewBeamQueue(
      const BeamQueueLimits& limits, int32_t eos) override;

 private:
  class Queue;
  class EventStopwatch;

  // What a decode step was captured as: null before it comes again.
  struct StepGraph {
    int64_t owner = 0;
    StepShape shape;
    cudaGraphExec_t exec = nullptr;
  };

  CudaKernels(std::shared_ptr<CudaDevice> device,
              const ProductOptions& products, const GpuTuning& tuning);
  absl::Status Start();

  KernelStream stream() const {
    return {stream_->get(), tuning_.dependent_launch};
  }
  // False after an error, now or before.
  bool Ready();
  void Note(cudaError_t error, const char* operation);
  void Note(const absl::Status& status);
  void RunLinear(const LinearWeight& weight, const LinearInputs& inputs,
                 const LinearOutputs& outputs);
  // What cuBLASLt does for a weight; nothing: own kernels do all.
  LibraryProducts ProductsOf(const PackedWeight& weight, LinearRows rows,
                             LinearUse use);
  void MultiplyByLibrary(const LibraryProducts& products,
                         const PackedWeight& weight, const LinearInputs& inputs,
                         const LinearOutputs& outputs);
  void MultiplyBytesByLibrary(const LibraryProducts& products,
                              const PackedWeight& weight,
                              const LinearInputs& inputs,
                              const LinearOutputs& outputs);
  KeyReading key_reading() const {
    return tuning_.keys_ahead    ? KeyReading::kAhead
           : tuning_.vector_keys ? KeyReading::kByVector
                                 : KeyReading::kByLane;
  }
  // Scratch memory: inputs in 16 bits, then the library's.
  size_t inputs_bytes() const {
    return scratch_->bytes() - MatrixLibrary::kWorkspaceBytes;
  }
  void* workspace() const {
    return static_cast<char*>(scratch_->data()) + inputs_bytes();
  }
  Scratch inputs_scratch() const { return {scratch_->data(), inputs_bytes()}; }
  absl::Status PackRowsOf(const LinearSource& source, const RoundedRows& to);
  void UploadSuppressed(absl::Span<const int32_t> suppressed);
  // Starts looking for the best k of each row, constraints being on the device.
  void StartTopTokens(Matrix logits, const TokenConstraint* constraints, int k,
                      BestToken* best);
  void FindTopTokens(Matrix logits, const TokenConstraint* constraints,
                     const TopK& result);
  StepGraph* FindGraph(int64_t owner, StepShape shape);
  void Remember(int64_t owner, StepShape shape);
  void Capture(absl::FunctionRef<void()> step, StepGraph* into);

  const std::shared_ptr<CudaDevice> device_;
  const ProductOptions products_;
  const GpuTuning tuning_;
  MatrixLibrary* library_ = nullptr;  // of the device; null: own kernels
  absl::Status error_;
  std::shared_ptr<const Stream> stream_;
  std::unique_ptr<Staging> staging_;
  std::unique_ptr<Buffer> scratch_;       // inputs in 16 bits, weights to pack
  std::unique_ptr<Buffer> best_;          // of OutputTopK
  std::unique_ptr<Buffer> constraints_;   // likewise
  std::unique_ptr<Buffer> top_k_parts_;   // likewise; of the tuning alone
  std::unique_ptr<Buffer> suppressed_;    // likewise
  std::vector<int32_t> last_suppressed_;  // what is in it
  std::list<StepGraph> graphs_;           // the last used first
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_CUDA_KERNELS_H_
