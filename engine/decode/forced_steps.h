#ifndef PEREGRINE_ENGINE_DECODE_FORCED_STEPS_H_
#define PEREGRINE_ENGINE_DECODE_FORCED_STEPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/decode/live_list.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/search.h"
#include "engine/decode/sentence_aligner.h"
#include "engine/decode/step_arrays.h"
#include "engine/decode/step_resources.h"
#include "engine/kernels/kernels.h"
#include "engine/model/device_memory.h"
#include "engine/model/stage_profile.h"

namespace peregrine::decode {

// Sentences whose translation is given: their positions are the rows of a
// decoder step, as many at once as each sentence may have. A row computes what
// it would as a hypothesis of a search, so that the log-probabilities are the
// same. Not thread-safe.
class ForcedSteps final : public Search {
 public:
  // `resources` must outlive it.
  explicit ForcedSteps(const StepResources& resources);

  absl::Status Allocate();

  bool Takes(const LiveSentence& sentence) const override {
    return sentence.forced != nullptr;
  }
  void Add(std::unique_ptr<LiveSentence> sentence) override;
  void Step(std::vector<std::unique_ptr<LiveSentence>>& finished) override;
  std::unique_ptr<LiveSentence> Remove(uint64_t id) override {
    return live_.Remove(id);
  }
  int num_sentences() const override { return live_.num_sentences(); }
  int num_rows() const override { return live_.num_rows(); }
  void set_profile(model::StageProfile* profile) override {
    profile_ = profile;
  }

 private:
  // The cells of one translation, a position each.
  class Cells {
   public:
    explicit Cells(size_t max_positions);
    void Extend(int num_positions, BlockPool& pool);
    void Release(BlockPool& pool);
    const int32_t* data() const { return cells_.data(); }

   private:
    std::vector<int32_t> cells_;
  };

  struct Entry {
    std::unique_ptr<LiveSentence> sentence;
    Cells cells;
  };

  model::DecoderInput Prepare();
  void AddRows(Entry& entry, int stride);
  void Score();
  void Align();

  const StepResources& resources_;
  kernels::Kernels& kernels_;
  model::StageProfile* profile_ = nullptr;
  LiveList<Entry> live_;

  // The step.
  model::DeviceMemory memory_;
  StepArrays arrays_;
  model::UploadedInts cells_;  // [rows, stride]
  std::vector<kernels::TokenConstraint> constraints_;
  std::vector<float> log_probs_;
  std::vector<int32_t> tokens_;
  std::vector<float> queries_;  // [rows, width], where one is aligned
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_FORCED_STEPS_H_
