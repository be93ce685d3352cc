// Steps given ahead: see kernels::BeamQueue. Results come to pinned memory of
// the queue's own, an event tells when.

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/cuda_kernels.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {
namespace {

constexpr BeamCandidate kNoCandidate = {
    -std::numeric_limits<double>::infinity(), -1, -1};

}  // namespace

class CudaKernels::Queue final : public BeamQueue {
 public:
  Queue(CudaKernels& kernels, const BeamQueueLimits& limits, int32_t eos)
      : kernels_(kernels), limits_(limits), eos_(eos) {}
  ~Queue() override { kernels_.Synchronize(); }  // results are on their way

  absl::Status Allocate() {
    const size_t rows = limits_.max_rows;
    const int largest = std::min(limits_.max_rows, kMaxQueuedBeamSize);
    PEREGRINE_RETURN_IF_ERROR(New(rows, &beams_));
    PEREGRINE_RETURN_IF_ERROR(New(rows, &constraints_));
    PEREGRINE_RETURN_IF_ERROR(New(rows * 2 * largest, &best_));
    PEREGRINE_RETURN_IF_ERROR(New(rows * 2, &candidates_));
    for (LiveHypotheses* one : {&rows_, &chosen_}) {
      PEREGRINE_RETURN_IF_ERROR(New(rows, &one->num_live));
      PEREGRINE_RETURN_IF_ERROR(New(rows, &one->places));
      PEREGRINE_RETURN_IF_ERROR(New(rows, &one->scores));
    }
    chosen_.cells_stride = limits_.max_positions;
    PEREGRINE_RETURN_IF_ERROR(New(rows, &chosen_.tokens));
    PEREGRINE_RETURN_IF_ERROR(
        New(rows * limits_.max_positions, &chosen_.cells));
    for (Result& result : results_) {
      PEREGRINE_ASSIGN_OR_RETURN(
          result.memory, Staging::Create(sizeof(BeamCandidate) * 2 * rows));
      PEREGRINE_ASSIGN_OR_RETURN(result.event, kernels_.device_->NewEvent());
    }
    return absl::OkStatus();
  }

  bool wants_one_upload() const override { return kernels_.tuning_.one_upload; }

  void Follow(absl::Span<const QueuedBeam> beams,
              const BeamRows& rows) override {
    CheckBeams(beams, rows);
    num_beams_ = static_cast<int>(beams.size());
    num_rows_ = beams.back().first_row + beams.back().beam_size;
    largest_ = 0;
    for (const QueuedBeam& beam : beams) {
      largest_ = std::max(largest_, beam.beam_size);
    }
    rows_.tokens = rows.tokens;
    rows_.cells = rows.cells;
    rows_.cells_stride = rows.cells_stride;
    step_beams_ = rows.beams;
    if (step_beams_ == nullptr) {
      kernels_.CopyToDevice(beams.data(), sizeof(QueuedBeam) * beams.size(),
                            beams_);
      step_beams_ = beams_;
    }
    if (!kernels_.Ready()) return;
    kernels_.Note(
        FollowBeams(step_beams_, num_beams_, largest_, chosen_, rows.new_cells,
                    rows_, rows.lengths, constraints_, kernels_.stream()),
        "FollowBeams");
  }

  void Start(const LinearWeight& projection, Matrix x,
             absl::Span<const int32_t> suppressed, Matrix logits) override {
    PEREGRINE_CHECK(num_under_way_ < kMaxUnderWay && x.rows == num_rows_)
        << num_under_way_ << " steps under way, " << x.rows << " rows";
    Result& result = results_[(oldest_ + num_under_way_++) % kMaxUnderWay];
    result.count = 2 * static_cast<size_t>(num_rows_);
    const int k = 2 * largest_;
    kernels_.Linear(projection, x, Activation::kNone, logits);
    kernels_.UploadSuppressed(suppressed);
    kernels_.StartTopTokens(logits, constraints_, k, best_);
    if (!kernels_.Ready()) return;
    kernels_.Note(AdvanceBeams(step_beams_, num_beams_, rows_, best_, k, eos_,
                               chosen_, candidates_, kernels_.stream()),
                  "AdvanceBeams");
    if (!kernels_.Ready()) return;
    const size_t bytes = sizeof(BeamCandidate) * result.count;
    result.memory->Reset();
    void* const results = result.memory->Take(bytes);
    result.candidates = static_cast<const BeamCandidate*>(results);
    kernels_.Note(cudaMemcpyAsync(results, candidates_, bytes,
                                  cudaMemcpyDeviceToHost, kernels_.stream()),
                  "copying candidates");
    kernels_.Note(result.event->Record(kernels_.stream()), "an event");
    result.staging = kernels_.staging_->Position();
  }

  void Await(absl::Span<BeamCandidate> candidates) override {
    PEREGRINE_CHECK(num_under_way_ > 0) << "no step is under way";
    const Result& result = results_[oldest_];
    oldest_ = (oldest_ + 1) % kMaxUnderWay;
    --num_under_way_;
    PEREGRINE_CHECK(candidates.size() == result.count)
        << candidates.size() << " candidates of " << result.count;
    // Where the device fails: nothing may follow.
    std::fill(candidates.begin(), candidates.end(), kNoCandidate);
    if (!kernels_.Ready()) return;
    kernels_.Note(result.event->Synchronize(), "waiting for a step");
    if (!kernels_.Ready()) return;
    kernels_.staging_->Free(result.staging);
    std::copy_n(result.candidates, result.count, candidates.begin());
  }

 private:
  struct Result {
    size_t count = 0;
    uint64_t staging = 0;  // its step takes from before here
    const BeamCandidate* candidates = nullptr;
    std::unique_ptr<Staging> memory;
    std::unique_ptr<const Event> event;
  };

  template <class T>
  absl::Status New(size_t count, T** data) {
    PEREGRINE_ASSIGN_OR_RETURN(auto buffer,
                               kernels_.Allocate(sizeof(T) * count));
    *data = static_cast<T*>(buffer->data());
    buffers_.push_back(std::move(buffer));
    return absl::OkStatus();
  }

  void CheckBeams(absl::Span<const QueuedBeam> beams,
                  const BeamRows& rows) const {
    PEREGRINE_CHECK(!beams.empty());
    int num_rows = 0;
    for (const QueuedBeam& beam : beams) {
      PEREGRINE_CHECK(beam.first_row == num_rows && beam.beam_size > 0 &&
                      beam.beam_size <= kMaxQueuedBeamSize)
          << "a beam of " << beam.beam_size << " from row " << beam.first_row;
      PEREGRINE_CHECK(beam.step <
                          std::min(rows.cells_stride, limits_.max_positions) &&
                      beam.step >= 0 && beam.followed_row < limits_.max_rows)
          << "step " << beam.step << " after row " << beam.followed_row;
      num_rows += beam.beam_size;
    }
    PEREGRINE_CHECK(num_rows <= limits_.max_rows) << num_rows << " rows";
  }

  CudaKernels& kernels_;
  const BeamQueueLimits limits_;
  const int32_t eos_;

  std::vector<std::unique_ptr<Buffer>> buffers_;  // of all on the device

  QueuedBeam* beams_ = nullptr;  // [max_rows], where the caller has none there
  // The step begun last.
  const QueuedBeam* step_beams_ = nullptr;
  TokenConstraint* constraints_ = nullptr;  // [max_rows]
  BestToken* best_ = nullptr;               // [max_rows, 2 * largest beam]
  BeamCandidate* candidates_ = nullptr;     // [2 * max_rows]
  LiveHypotheses rows_;    // what it continues; tokens and cells are not ours
  LiveHypotheses chosen_;  // what goes on after it
  int num_beams_ = 0;
  int num_rows_ = 0;
  int largest_ = 0;  // beam_size

  std::array<Result, kMaxUnderWay> results_;
  int oldest_ = 0;
  int num_under_way_ = 0;
};

absl::StatusOr<std::unique_ptr<BeamQueue>> CudaKernels::NewBeamQueue(
    const BeamQueueLimits& limits, int32_t eos) {
  auto queue = std::make_unique<Queue>(*this, limits, eos);
  PEREGRINE_RETURN_IF_ERROR(queue->Allocate());
  return std::unique_ptr<BeamQueue>(std::move(queue));
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
