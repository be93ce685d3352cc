// Outputs of steps given ahead: see kernels::OutputQueue. Results come to
// pinned memory of the queue's own, an event tells when.

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/cuda_kernels.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

class CudaKernels::Queue final : public OutputQueue {
 public:
  Queue(CudaKernels& kernels, int max_rows, int k)
      : kernels_(kernels), max_rows_(max_rows), k_(k) {}
  ~Queue() override { kernels_.Synchronize(); }  // results are on their way

  absl::Status Allocate() {
    const size_t bytes = sizeof(BestToken) * max_rows_ * k_;
    PEREGRINE_ASSIGN_OR_RETURN(best_, kernels_.Allocate(bytes));
    PEREGRINE_ASSIGN_OR_RETURN(
        constraints_, kernels_.Allocate(sizeof(TokenConstraint) * max_rows_));
    for (Result& result : results_) {
      PEREGRINE_ASSIGN_OR_RETURN(result.memory,
                                 Staging::Create((bytes + 15) / 16 * 16));
      PEREGRINE_ASSIGN_OR_RETURN(result.event, kernels_.device_->NewEvent());
    }
    return absl::OkStatus();
  }

  void Start(const LinearWeight& projection, Matrix x,
             absl::Span<const int32_t> suppressed,
             absl::Span<const TokenConstraint> constraints,
             Matrix logits) override {
    PEREGRINE_CHECK(num_under_way_ < kMaxUnderWay && x.rows <= max_rows_)
        << num_under_way_ << " steps under way, " << x.rows << " rows";
    Result& result = results_[(oldest_ + num_under_way_++) % kMaxUnderWay];
    result.rows = x.rows;
    kernels_.Linear(projection, x, Activation::kNone, logits);
    kernels_.UploadSuppressed(suppressed);
    kernels_.CopyToDevice(constraints.data(), sizeof(TokenConstraint) * x.rows,
                          constraints_->data());
    kernels_.StartTopTokens(logits, constraints_->data(), k_, best_->data());
    if (!kernels_.Ready()) return;
    result.memory->Reset();
    result.best = static_cast<const BestToken*>(
        result.memory->Take(sizeof(BestToken) * x.rows * k_));
    kernels_.Note(
        cudaMemcpyAsync(const_cast<BestToken*>(result.best), best_->data(),
                        sizeof(BestToken) * x.rows * k_, cudaMemcpyDeviceToHost,
                        kernels_.stream()),
        "copying the best tokens");
    kernels_.Note(result.event->Record(kernels_.stream()), "an event");
    result.staging = kernels_.staging_->Position();
  }

  void FollowBest(const int32_t* rows, int count, int32_t* tokens) override {
    if (!kernels_.Ready()) return;
    kernels_.Note(PEREGRINE_CUDA_NAMESPACE::FollowBest(
                      static_cast<const BestToken*>(best_->data()), k_, rows,
                      count, tokens, kernels_.stream()),
                  "FollowBest");
  }

  void Await(TopK top) override {
    PEREGRINE_CHECK(num_under_way_ > 0 && top.k == k_) << top.k;
    const Result& result = results_[oldest_];
    oldest_ = (oldest_ + 1) % kMaxUnderWay;
    --num_under_way_;
    const size_t count = static_cast<size_t>(result.rows) * k_;
    // Where the device fails: nothing may follow.
    std::fill_n(top.tokens, count, -1);
    std::fill_n(top.log_probs, count, -std::numeric_limits<float>::infinity());
    if (!kernels_.Ready()) return;
    kernels_.Note(result.event->Synchronize(), "waiting for a step");
    if (!kernels_.Ready()) return;
    kernels_.staging_->Free(result.staging);
    for (size_t i = 0; i < count; ++i) {
      top.log_probs[i] = result.best[i].log_prob;
      top.tokens[i] = result.best[i].token;
    }
  }

 private:
  struct Result {
    int rows = 0;
    uint64_t staging = 0;  // its step takes from before here
    const BestToken* best = nullptr;
    std::unique_ptr<Staging> memory;
    std::unique_ptr<const Event> event;
  };

  CudaKernels& kernels_;
  const int max_rows_;
  const int k_;
  std::unique_ptr<Buffer> best_;  // of the step started last
  std::unique_ptr<Buffer> constraints_;
  std::array<Result, kMaxUnderWay> results_;
  int oldest_ = 0;
  int num_under_way_ = 0;
};

absl::StatusOr<std::unique_ptr<OutputQueue>> CudaKernels::NewOutputQueue(
    int max_rows, int k) {
  auto queue = std::make_unique<Queue>(*this, max_rows, k);
  PEREGRINE_RETURN_IF_ERROR(queue->Allocate());
  return std::unique_ptr<OutputQueue>(std::move(queue));
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
