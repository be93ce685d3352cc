#ifndef PEREGRINE_ENGINE_KERNELS_REFERENCE_REFERENCE_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_REFERENCE_REFERENCE_KERNELS_H_

#include <memory>
#include <string>

#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// The oracle of all tests: every operation as the plain loops of its formula,
// sums in double. Allocates as it likes and is slow.
class ReferenceKernels final : public Kernels {
 public:
  const std::string& device() const override { return device_; }

  absl::StatusOr<std::unique_ptr<Buffer>> Allocate(size_t bytes) override;
  absl::StatusOr<std::unique_ptr<LinearWeight>> PackLinear(
      const LinearSource& source) override;
  void CopyToDevice(const void* host, size_t bytes, void* device) override;
  void CopyToHost(const void* device, size_t bytes, void* host) override;

  void Embed(const EmbeddingTable& table, const int32_t* tokens,
             const int32_t* positions, Matrix y) override;
  void LayerNorm(const NormWeight& norm, Matrix x, Matrix y) override;
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

 private:
  const std::string device_ = "reference";
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_REFERENCE_REFERENCE_KERNELS_H_
