#include "engine/decode/host_steps.h"

#include <algorithm>
#include <utility>

#include "absl/types/span.h"
#include "engine/base/status_macros.h"

namespace peregrine::decode {

HostSteps::HostSteps(const StepResources& resources)
    : resources_(resources),
      kernels_(resources.kernels),
      step_owner_(resources.kernels.NewStepOwner()),
      live_(resources.target_blocks),
      memory_(resources.kernels),
      arrays_(resources.kernels,
              resources.model.config().architecture.position_offset) {}

absl::Status HostSteps::Allocate() {
  const size_t rows = resources_.max_rows;
  PEREGRINE_RETURN_IF_ERROR(arrays_.Reserve(resources_.max_rows, memory_));
  PEREGRINE_RETURN_IF_ERROR(
      cells_.Reserve(rows * resources_.max_positions, memory_));
  live_.Reserve(rows);
  constraints_.reserve(rows);
  top_log_probs_.reserve(rows * 2 * rows);
  top_tokens_.reserve(rows * 2 * rows);
  return absl::OkStatus();
}

void HostSteps::Add(std::unique_ptr<LiveSentence> sentence) {
  HypothesisCells cells(sentence->beam_size, sentence->max_length + 1);
  live_.Add({std::move(sentence), std::move(cells)});
}

void HostSteps::Step(std::vector<std::unique_ptr<LiveSentence>>& finished) {
  if (num_sentences() == 0) return;
  RunDecoder();
  const kernels::TopK top = PrepareTopK();
  ScoreOutputs(top);
  Advance(top);
  live_.RemoveFinished(finished);
}

void HostSteps::RunDecoder() {
  const model::DecoderInput input = Prepare();
  if (profile_ != nullptr) {  // a step that is repeated has no stages
    resources_.decoder.Step(input);
    return;
  }
  kernels_.RunStep(step_owner_,
                   {input.target.num_rows, input.target.cells_stride},
                   [&] { resources_.decoder.Step(input); });
}

// A row for every live hypothesis, then those of padding.
model::DecoderInput HostSteps::Prepare() {
  const model::StageTimer timer(profile_, model::Stage::kSearch, kernels_);
  int stride = 0;
  for (const Entry& entry : live_) {
    stride = std::max(stride, entry.sentence->search.step() + 1);
  }
  const kernels::StepShape shape = resources_.Padded({num_rows(), stride});
  arrays_.Begin(shape.rows);
  cells_.host.clear();
  constraints_.clear();
  for (Entry& entry : live_) {
    const BeamSearch& search = entry.sentence->search;
    const int step = search.step();
    entry.cells.Extend(search.live(), step, resources_.target_blocks);
    for (size_t j = 0; j < search.live().size(); ++j) {
      arrays_.Add(*entry.sentence, step, search.live()[j].last_token);
      const int32_t* cells = entry.cells.row(j);
      cells_.host.insert(cells_.host.end(), cells, cells + step + 1);
      constraints_.push_back(search.constraint());
      cells_.host.resize(constraints_.size() * shape.cells_stride);
    }
  }
  cells_.host.resize(static_cast<size_t>(shape.rows) * shape.cells_stride);
  model::DecoderInput input = arrays_.Upload();
  input.target.cells = cells_.Upload(kernels_);
  input.target.cells_stride = shape.cells_stride;
  return input;
}

kernels::TopK HostSteps::PrepareTopK() {
  int k = 0;
  for (const Entry& entry : live_) {
    k = std::max(k, entry.sentence->search.num_candidates());
  }
  top_log_probs_.resize(constraints_.size() * k);
  top_tokens_.resize(constraints_.size() * k);
  return {k, top_log_probs_.data(), top_tokens_.data()};
}

// The rows of each sentence that has a selection alone, the others in runs.
void HostSteps::ScoreOutputs(const kernels::TopK& top) {
  const model::StageTimer timer(profile_, model::Stage::kOutput, kernels_);
  int begin = 0;
  int end = 0;
  for (const Entry& entry : live_) {
    const int rows = static_cast<int>(entry.sentence->search.live().size());
    if (entry.sentence->selection != nullptr) {
      ScoreRows(begin, end - begin, nullptr, top);
      ScoreRows(end, rows, entry.sentence->selection.get(), top);
      begin = end + rows;
    }
    end += rows;
  }
  ScoreRows(begin, end - begin, nullptr, top);
}

void HostSteps::ScoreRows(int begin, int count,
                          const kernels::OutputSelection* selection,
                          kernels::TopK top) {
  if (count == 0) return;
  const kernels::LinearWeight& output = *resources_.model.weights().output;
  const std::vector<int32_t>& suppressed =
      resources_.model.config().decoding.suppressed_tokens;
  const auto constraints =
      absl::MakeConstSpan(constraints_).subspan(begin, count);
  const kernels::Matrix hidden =
      resources_.decoder.Output(begin + count).Rows(begin, count);
  const kernels::Matrix logits = resources_.logits.Rows(0, count);
  top.log_probs += static_cast<size_t>(begin) * top.k;
  top.tokens += static_cast<size_t>(begin) * top.k;
  if (selection == nullptr) {
    kernels_.OutputTopK(output, hidden, suppressed, constraints, logits, top);
  } else {
    kernels_.SelectedTopK(output, *selection, hidden, suppressed, constraints,
                          logits, top);
  }
}

// Every search by one token.
void HostSteps::Advance(const kernels::TopK& top) {
  const model::StageTimer timer(profile_, model::Stage::kSearch, kernels_);
  size_t row = 0;
  for (const Entry& entry : live_) {
    BeamSearch& search = entry.sentence->search;
    const size_t rows = search.live().size();
    search.Advance(top.k, top.log_probs + row * top.k,
                   top.tokens + row * top.k);
    row += rows;
  }
}

}  // namespace peregrine::decode
