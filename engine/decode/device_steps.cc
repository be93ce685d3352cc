#include "engine/decode/device_steps.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/types/span.h"
#include "engine/base/status_macros.h"

namespace peregrine::decode {

absl::StatusOr<std::unique_ptr<DeviceSteps>> DeviceSteps::Create(
    const StepResources& resources) {
  PEREGRINE_ASSIGN_OR_RETURN(std::unique_ptr<kernels::BeamQueue> queue,
                             resources.kernels.NewBeamQueue(
                                 {resources.max_rows, resources.max_positions},
                                 resources.model.config().tokens.eos));
  if (queue == nullptr) return std::unique_ptr<DeviceSteps>();
  auto steps = absl::WrapUnique(new DeviceSteps(resources, std::move(queue)));
  PEREGRINE_RETURN_IF_ERROR(steps->Allocate());
  return steps;
}

DeviceSteps::DeviceSteps(const StepResources& resources,
                         std::unique_ptr<kernels::BeamQueue> queue)
    : resources_(resources),
      kernels_(resources.kernels),
      step_owner_(resources.kernels.NewStepOwner()),
      queue_(std::move(queue)),
      live_(resources.target_blocks),
      memory_(resources.kernels),
      arrays_(resources.kernels,
              resources.model.config().architecture.position_offset),
      one_upload_(queue_->wants_one_upload()) {}

absl::Status DeviceSteps::Allocate() {
  const size_t rows = resources_.max_rows;
  // Of a row: its new cell, and a beam that begins with it.
  constexpr int kMoreWords =
      1 + static_cast<int>(sizeof(kernels::QueuedBeam) / sizeof(int32_t));
  PEREGRINE_RETURN_IF_ERROR(arrays_.Reserve(resources_.max_rows, memory_,
                                            one_upload_ ? kMoreWords : 0));
  PEREGRINE_RETURN_IF_ERROR(new_cells_.Reserve(rows, memory_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewInts(rows * resources_.max_positions, &cells_));
  live_.Reserve(rows);
  under_way_.beams.reserve(rows);
  ahead_.beams.reserve(rows);
  beams_.reserve(rows);
  candidates_.reserve(2 * rows);
  return absl::OkStatus();
}

// A device gives the place of a hypothesis that ended to the next one, also
// where the rules leave it empty.
bool DeviceSteps::Takes(const LiveSentence& sentence) const {
  const model::SearchRules& rules = sentence.search.options().rules;
  const bool may_lose_places =
      rules.ends_behind_prefix_if_best && rules.forced_first_token >= 0;
  return !is_profiled_ && !may_lose_places && sentence.selection == nullptr &&
         sentence.steering == nullptr && !sentence.align &&
         !sentence.search.options().stream &&
         sentence.beam_size <= kernels::kMaxQueuedBeamSize;
}

void DeviceSteps::Add(std::unique_ptr<LiveSentence> sentence) {
  RowCells cells(sentence->beam_size, sentence->max_length + 1);
  live_.Add({std::move(sentence), std::move(cells)});
}

void DeviceSteps::Step(std::vector<std::unique_ptr<LiveSentence>>& finished) {
  if (num_sentences() == 0) return;
  ForgetIfAllHaveLeft();
  if (under_way_.beams.empty()) Give(under_way_);
  Give(ahead_);
  Read(finished);
}

std::unique_ptr<LiveSentence> DeviceSteps::Remove(uint64_t id) {
  std::unique_ptr<LiveSentence> sentence = live_.Remove(id);
  if (sentence != nullptr) ForgetBeamsOf(*sentence);
  return sentence;
}

void DeviceSteps::ForgetBeamsOf(const LiveSentence& sentence) {
  for (GivenStep* step : {&under_way_, &ahead_}) {
    for (GivenBeam& beam : step->beams) {
      if (beam.sentence == &sentence) beam.sentence = nullptr;
    }
  }
}

// ---- Giving a step

// False for a sentence that ends with a step that was given.
bool DeviceSteps::NeedsAnother(const Entry& entry) {
  return entry.given_steps == 0 ||
         !entry.sentence->search.IsLast(entry.given_steps - 1);
}

void DeviceSteps::Give(GivenStep& given) {
  const kernels::StepShape shape = ShapeOfNext();
  if (shape.rows == 0) return;
  arrays_.Begin(shape.rows);
  beams_.clear();
  new_cells_.host.clear();
  for (Entry& entry : live_) {
    if (NeedsAnother(entry)) AddRows(entry, given);
  }
  RunDecoder(shape.cells_stride);
  queue_->Start(*resources_.model.weights().output,
                resources_.decoder.Output(given.num_rows),
                resources_.model.config().decoding.suppressed_tokens,
                resources_.logits.Rows(0, given.num_rows));
}

kernels::StepShape DeviceSteps::ShapeOfNext() const {
  kernels::StepShape shape;
  for (const Entry& entry : live_) {
    if (!NeedsAnother(entry)) continue;
    shape.rows += entry.sentence->beam_size;
    shape.cells_stride = std::max(shape.cells_stride, entry.given_steps + 1);
  }
  return shape.rows == 0 ? shape : resources_.Padded(shape);
}

// The first token stands in every row: the queue knows which are in use, and
// what follows in them.
void DeviceSteps::AddRows(Entry& entry, GivenStep& given) {
  LiveSentence& sentence = *entry.sentence;
  const int32_t first_token = resources_.model.config().tokens.decoder_start;
  kernels::QueuedBeam beam;
  beam.beam_size = sentence.beam_size;
  beam.first_row = given.num_rows;
  beam.followed_row = entry.first_row;
  beam.step = entry.given_steps++;
  beam.constraint = sentence.search.ConstraintAt(beam.step);
  beam.is_free = sentence.search.IsFree(beam.step);
  beam.shrinks = sentence.search.shrinks();
  beams_.push_back(beam);
  entry.first_row = beam.first_row;
  entry.cells.Extend(beam.step, resources_.target_blocks, new_cells_.host);
  for (int j = 0; j < beam.beam_size; ++j) {
    arrays_.Add(sentence, beam.step, first_token);
  }
  given.beams.push_back({&sentence, beam.first_row});
  given.num_rows += beam.beam_size;
}

void DeviceSteps::RunDecoder(int cells_stride) {
  kernels::BeamRows rows;
  if (one_upload_) {
    rows.new_cells = arrays_.Append(absl::MakeConstSpan(new_cells_.host));
    rows.beams = arrays_.Append(absl::MakeConstSpan(beams_));
  }
  model::DecoderInput input = arrays_.Upload();
  if (!one_upload_) rows.new_cells = new_cells_.Upload(kernels_);
  input.target.cells = cells_;
  input.target.cells_stride = cells_stride;
  rows.tokens = arrays_.tokens();
  rows.lengths = arrays_.lengths();
  rows.cells = cells_;
  rows.cells_stride = cells_stride;
  queue_->Follow(beams_, rows);
  kernels_.RunStep(step_owner_, {input.target.num_rows, cells_stride},
                   [&] { resources_.decoder.Step(input); });
}

// ---- Reading a step

// The one under way; the one ahead is the next.
void DeviceSteps::Read(std::vector<std::unique_ptr<LiveSentence>>& finished) {
  Await();
  for (const GivenBeam& beam : under_way_.beams) {
    if (beam.sentence == nullptr) continue;
    const auto all =
        absl::MakeConstSpan(candidates_)
            .subspan(2 * static_cast<size_t>(beam.first_row),
                     2 * static_cast<size_t>(beam.sentence->beam_size));
    const auto end =
        std::find_if(all.begin(), all.end(),
                     [](const auto& candidate) { return candidate.token < 0; });
    beam.sentence->search.Advance(all.subspan(0, end - all.begin()));
  }
  const size_t finished_before = finished.size();
  live_.RemoveFinished(finished);
  for (size_t i = finished_before; i < finished.size(); ++i) {
    ForgetBeamsOf(*finished[i]);
  }
  std::swap(under_way_, ahead_);
  ahead_.beams.clear();
  ahead_.num_rows = 0;
}

void DeviceSteps::Await() {
  candidates_.resize(2 * static_cast<size_t>(under_way_.num_rows));
  queue_->Await(absl::MakeSpan(candidates_));
}

void DeviceSteps::ForgetIfAllHaveLeft() {
  if (under_way_.beams.empty() ||
      std::any_of(under_way_.beams.begin(), under_way_.beams.end(),
                  [](const auto& beam) { return beam.sentence != nullptr; })) {
    return;
  }
  Await();
  under_way_.beams.clear();
  under_way_.num_rows = 0;
}

}  // namespace peregrine::decode
