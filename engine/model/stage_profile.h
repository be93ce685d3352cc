#ifndef PEREGRINE_ENGINE_MODEL_STAGE_PROFILE_H_
#define PEREGRINE_ENGINE_MODEL_STAGE_PROFILE_H_

#include <array>
#include <chrono>
#include <cstddef>

#include "engine/kernels/kernels.h"

namespace peregrine::model {

// Where the time of a session goes. Waiting in a queue comes before and is the
// server's to measure.
enum class Stage {
  kEncode,          // the encoder, and the source's keys and values
  kEmbed,           // of the last tokens
  kSelfAttention,   // or what the DecoderState has in its place; all of CAN
  kCrossAttention,  // each with its norm and its projections
  kFeedForward,
  kOutput,  // last norm, output projection, softmax and top-k
  kSearch,  // all bookkeeping between two steps
};
constexpr size_t kNumStages = 7;

// "encode", "self_attention", ...
const char* StageName(Stage stage);

// Wall time by stage, summed up. Not thread-safe: belongs to one session.
class StageProfile {
 public:
  using Duration = std::chrono::steady_clock::duration;

  void Add(Stage stage, Duration time) {
    times_[static_cast<size_t>(stage)] += time;
  }
  double seconds(Stage stage) const {
    return std::chrono::duration<double>(times_[static_cast<size_t>(stage)])
        .count();
  }

 private:
  std::array<Duration, kNumStages> times_{};
};

// Adds the time that it lives to `profile`, or does nothing where that is null.
// Waits at both ends for a device that works behind the caller's back, so that
// on such a one a profiled session is slower than others.
class StageTimer {
 public:
  StageTimer(StageProfile* profile, Stage stage, kernels::Kernels& kernels)
      : profile_(profile), stage_(stage), kernels_(kernels) {
    if (profile_ == nullptr) return;
    kernels_.Synchronize();
    begin_ = std::chrono::steady_clock::now();
  }
  ~StageTimer() {
    if (profile_ == nullptr) return;
    kernels_.Synchronize();
    profile_->Add(stage_, std::chrono::steady_clock::now() - begin_);
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  StageProfile* const profile_;
  const Stage stage_;
  kernels::Kernels& kernels_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_STAGE_PROFILE_H_
