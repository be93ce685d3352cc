#ifndef PEREGRINE_ENGINE_KERNELS_CPU_CPU_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_CPU_KERNELS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "engine/base/thread_team.h"
#include "engine/kernels/cpu/best_outputs.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/vector_ops.h"
#include "engine/kernels/host_arena.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

class CpuLinearWeight;
class CpuOutputSelection;

// The threads of one instance of CpuKernels, the calling one among them.
struct CpuThreads {
  int num_threads = 1;
  // What has fewer multiply-adds is done by the caller alone, sooner than
  // threads could agree on it: those of a product of 256 by 256 and one row.
  int64_t min_multiply_adds = 1 << 16;
};

// Transformer operations, in every precision. One instance a worker thread,
// which by default does all the work: under load, single-threaded workers that
// share read-only weights outrun a team of threads on every matrix product.
// With more threads a lone sentence is done sooner: products are shared by
// columns, attention by heads, the search for the best outputs by blocks of
// these and all else by rows, so that the bits are the same with any number of
// threads. Weights fit all instances of the same Isa.
class CpuKernels : public Kernels {
 public:
  // `isa` is one of SupportedIsas().
  explicit CpuKernels(Isa isa, const CpuThreads& threads = {});

  const std::string& device() const override { return device_; }

  // RESOURCE_EXHAUSTED: an operation had no memory for its scratch.
  absl::Status status() const override { return status_; }

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
  absl::StatusOr<std::unique_ptr<OutputSelection>> SelectOutputs(
      const LinearWeight& projection,
      absl::Span<const int32_t> tokens) override;
  void SelectedTopK(const LinearWeight& projection,
                    const OutputSelection& selection, Matrix x,
                    absl::Span<const int32_t> suppressed,
                    absl::Span<const TokenConstraint> constraints,
                    Matrix logits, TopK result) override;

 protected:
  // For a kind that brings its own PackLinear and RunLinear.
  CpuKernels(Isa isa, std::string device, const CpuThreads& threads = {});

  // The product of Linear and LinearAdd, whose shapes have been checked.
  virtual void RunLinear(const LinearWeight& weight, Matrix x,
                         Activation activation, bool add_to_y, Matrix y);
  // The logits of OutputTopK, into best_outputs().
  virtual void RunOutput(const LinearWeight& projection, Matrix x,
                         Matrix logits);
  BestOutputs& best_outputs() { return best_outputs_; }
  // At least `floats` of memory until the next call; grows and never shrinks.
  // Null where the host has none: then status() says so, and the operation has
  // nothing more to do.
  float* Scratch(size_t floats);
  // Makes the first error status().
  void Fail(absl::Status status) { status_.Update(std::move(status)); }

 private:
  // `attention` comes with the queries and the cells of each row.
  void AttendCells(HeadShape heads, int num_rows, const KvCells& cache,
                   Matrix context, CellAttention attention);
  // Fatal where the weight is not of this kind and instruction set.
  const CpuLinearWeight& Own(const LinearWeight& weight) const;
  void RunOutputBlocks(const CpuLinearWeight& weight, Matrix x);
  void RunListedBlocks(const CpuLinearWeight& weight,
                       const CpuOutputSelection& selection, Matrix x);
  // Computes the outputs [begin, begin + columns) of the rows of `linear`.
  using MultiplyBlock =
      absl::FunctionRef<void(const PackedLinear& linear, int begin, int columns,
                             int share, float* y, size_t y_stride)>;
  void RunBlocks(const CpuLinearWeight& weight, Matrix x, int num_outputs,
                 MultiplyBlock multiply);
  void RunBlocksAtOnce(const CpuLinearWeight& weight, Matrix x, int num_outputs,
                       MultiplyBlock multiply);
  // All heads of one sequence.
  void AttendSequence(HeadShape heads, Matrix qkv, Matrix context);
  // How many threads are to share so many multiply-adds.
  int NumShares(int64_t multiply_adds) const;
  // work(share) for each of them, side by side.
  void ForShares(int num_shares, absl::FunctionRef<void(int share)> work);
  // work(row) for each row, of which each has `elements`.
  void ForRows(int rows, int elements, absl::FunctionRef<void(int row)> work);
  PackedLinear Prepare(const CpuLinearWeight& weight, Matrix x, float* scratch);

  const std::string device_;
  const Isa isa_;
  const VectorOps& ops_;
  const int64_t min_shared_multiply_adds_;
  BestOutputs best_outputs_;
  absl::Status status_;
  HostArena weights_;  // what PackLinear made
  std::unique_ptr<Buffer> scratch_;
  const std::unique_ptr<ThreadTeam> team_;  // null: one thread
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_CPU_KERNELS_H_
