#ifndef PEREGRINE_ENGINE_DECODE_DEVICE_STEPS_H_
#define PEREGRINE_ENGINE_DECODE_DEVICE_STEPS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/decode/live_list.h"
#include "engine/decode/live_sentence.h"
#include "engine/decode/row_cells.h"
#include "engine/decode/search.h"
#include "engine/decode/step_arrays.h"
#include "engine/decode/step_resources.h"
#include "engine/kernels/kernels.h"
#include "engine/model/device_memory.h"

namespace peregrine::decode {

// Sentences whose beams the device advances itself, see kernels::BeamQueue: so
// that it always has a step to do, it is given the next one before the host has
// read what the last one found.
//
//   host:    give 0, give 1, read 0,  give 2, read 1,  give 3, read 2 ...
//   device:          [ step 0 ]   [ step 1 ]   [ step 2 ]   [ step 3 ] ...
//
// What the host needs to know of a step beforehand follows from its number:
// lengths, positions, constraints, and the cell that each row writes
// (RowCells). From the candidates that it reads, BeamSearch makes out which
// hypotheses live and which are finished, as it does in HostSteps. A sentence
// that turns out to have finished was in one step too many, which is forgotten;
// its cells are free at once, since what uses them next comes later in the
// device's order.
//
// Not thread-safe; allocates nothing in a step, and waits for nothing but the
// results of the step that it reads.
class DeviceSteps final : public Search {
 public:
  // Null: the device works as it is called. RESOURCE_EXHAUSTED: not enough
  // memory. `resources` must outlive it.
  static absl::StatusOr<std::unique_ptr<DeviceSteps>> Create(
      const StepResources& resources);

  // Not over a selection of outputs, nor with a beam larger than anyone uses,
  // nor for a profile: what is done ahead has no stages.
  bool Takes(const LiveSentence& sentence) const override;
  void Add(std::unique_ptr<LiveSentence> sentence) override;
  // Gives a step and reads the one before it.
  void Step(std::vector<std::unique_ptr<LiveSentence>>& finished) override;
  std::unique_ptr<LiveSentence> Remove(uint64_t id) override;
  int num_sentences() const override { return live_.num_sentences(); }
  // Hypotheses that lived when last read.
  int num_rows() const override { return live_.num_rows(); }
  void set_profile(model::StageProfile* profile) override {
    is_profiled_ = profile != nullptr;
  }

 private:
  struct Entry {
    std::unique_ptr<LiveSentence> sentence;
    RowCells cells;
    int given_steps = 0;
    int first_row = -1;  // in the step given last; -1: in none yet
  };
  // A beam of a step that was given; null where its sentence has left since.
  struct GivenBeam {
    LiveSentence* sentence = nullptr;
    int first_row = 0;
  };
  // A step that was given: its beams, and how many rows they have.
  struct GivenStep {
    std::vector<GivenBeam> beams;
    int num_rows = 0;
  };

  DeviceSteps(const StepResources& resources,
              std::unique_ptr<kernels::BeamQueue> queue);
  absl::Status Allocate();

  static bool NeedsAnother(const Entry& entry);
  void Give(GivenStep& given);
  kernels::StepShape ShapeOfNext() const;
  void AddRows(Entry& entry, GivenStep& given);
  void RunDecoder(int cells_stride);
  void Read(std::vector<std::unique_ptr<LiveSentence>>& finished);
  void Await();
  void ForgetIfAllHaveLeft();
  void ForgetBeamsOf(const LiveSentence& sentence);

  const StepResources& resources_;
  kernels::Kernels& kernels_;
  const int64_t step_owner_;
  const std::unique_ptr<kernels::BeamQueue> queue_;
  bool is_profiled_ = false;
  LiveList<Entry> live_;
  GivenStep under_way_;  // the oldest that was not read
  GivenStep ahead_;      // the one after it, in Step

  // The step being given.
  model::DeviceMemory memory_;
  StepArrays arrays_;
  std::vector<kernels::QueuedBeam> beams_;
  model::UploadedInts new_cells_;  // [rows]
  const bool one_upload_;          // of all of them
  int32_t* cells_ = nullptr;       // [rows, stride] on the device
  // The step being read.
  std::vector<kernels::BeamCandidate> candidates_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_DEVICE_STEPS_H_
