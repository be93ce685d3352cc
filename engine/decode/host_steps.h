#ifndef PEREGRINE_ENGINE_DECODE_HOST_STEPS_H_
#define PEREGRINE_ENGINE_DECODE_HOST_STEPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/decode/hypothesis_cells.h"
#include "engine/decode/listed_outputs.h"
#include "engine/decode/live_list.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/search.h"
#include "engine/decode/step_arrays.h"
#include "engine/decode/step_resources.h"
#include "engine/kernels/kernels.h"
#include "engine/model/device_memory.h"
#include "engine/model/stage_profile.h"

namespace peregrine::decode {

// Sentences whose search is on the host, the reference: a step runs the decoder
// over all their live hypotheses, waits for the best continuations of each, and
// lets every BeamSearch choose. All there is on a CPU; on a GPU see
// DeviceSteps. Not thread-safe; allocates nothing in a step.
class HostSteps final : public Search {
 public:
  // `resources` must outlive it.
  explicit HostSteps(const StepResources& resources);

  absl::Status Allocate();

  // Every sentence.
  bool Takes(const LiveSentence&) const override { return true; }
  void Add(std::unique_ptr<LiveSentence> sentence) override;
  // One token for every live hypothesis.
  void Step(std::vector<std::unique_ptr<LiveSentence>>& finished) override;
  std::unique_ptr<LiveSentence> Remove(uint64_t id) override {
    return live_.Remove(id);
  }
  void ForEach(absl::FunctionRef<void(LiveSentence&)> use) override {
    for (Entry& entry : live_) use(*entry.sentence);
  }
  int num_sentences() const override { return live_.num_sentences(); }
  int num_rows() const override { return live_.num_rows(); }
  void set_profile(model::StageProfile* profile) override {
    profile_ = profile;
  }

 private:
  struct Entry {
    std::unique_ptr<LiveSentence> sentence;
    HypothesisCells cells;
  };

  void RunDecoder();
  model::DecoderInput Prepare();
  kernels::TopK PrepareTopK();
  void ScoreOutputs(const kernels::TopK& top);
  // Rows that are scored together.
  struct Run {
    int begin = 0;
    int count = 0;
    const kernels::OutputSelection* selection = nullptr;
    bool steered = false;
  };
  void ScoreRows(const Run& run, kernels::TopK top);
  void SampleRows(const LiveSentence& sentence, const Run& run);
  void Advance(const kernels::TopK& top);
  void AdvanceSteered(LiveSentence& sentence, size_t row,
                      const kernels::TopK& top);
  void StartAligning(LiveSentence& sentence);
  void Align();

  const StepResources& resources_;
  kernels::Kernels& kernels_;
  const int64_t step_owner_;
  model::StageProfile* profile_ = nullptr;
  LiveList<Entry> live_;

  // The step.
  model::DeviceMemory memory_;
  StepArrays arrays_;
  model::UploadedInts cells_;  // [rows, stride]
  std::vector<kernels::TokenConstraint> constraints_;
  // What steered sentences list, by row.
  std::vector<int32_t> listed_offsets_;
  std::vector<int32_t> listed_tokens_;
  std::vector<float> listed_log_probs_;
  std::vector<float> log_sums_;
  std::vector<float> log_rests_;
  std::unique_ptr<HostOutputs> outputs_;  // where one is steered
  std::vector<float> queries_;            // [rows, width], where one is aligned
  bool aligns_ = false;                   // some sentence of this step
  std::vector<float> top_log_probs_;
  std::vector<int32_t> top_tokens_;
  std::vector<int32_t> wanted_;  // of the best of each row
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_HOST_STEPS_H_
