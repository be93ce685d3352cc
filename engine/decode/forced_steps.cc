#include "engine/decode/forced_steps.h"

#include <algorithm>
#include <utility>

#include "absl/types/span.h"
#include "engine/base/status_macros.h"

namespace peregrine::decode {

ForcedSteps::Cells::Cells(size_t max_positions) {
  cells_.reserve(max_positions + BlockPool::kBlockCells);
}

void ForcedSteps::Cells::Extend(int num_positions, BlockPool& pool) {
  while (static_cast<int>(cells_.size()) < num_positions) {
    const int first = pool.Take();
    for (int i = 0; i < BlockPool::kBlockCells; ++i)
      cells_.push_back(first + i);
  }
}

void ForcedSteps::Cells::Release(BlockPool& pool) {
  for (size_t i = 0; i < cells_.size(); i += BlockPool::kBlockCells) {
    pool.Give(cells_[i]);
  }
  cells_.clear();
}

ForcedSteps::ForcedSteps(const StepResources& resources)
    : resources_(resources),
      kernels_(resources.kernels),
      live_(resources.target_blocks),
      memory_(resources.kernels),
      arrays_(resources.kernels,
              resources.model.config().architecture.position_offset) {}

absl::Status ForcedSteps::Allocate() {
  const size_t rows = resources_.max_rows;
  PEREGRINE_RETURN_IF_ERROR(arrays_.Reserve(resources_.max_rows, memory_));
  PEREGRINE_RETURN_IF_ERROR(
      cells_.Reserve(rows * resources_.max_positions, memory_));
  live_.Reserve(rows);
  constraints_.reserve(rows);
  log_probs_.reserve(rows);
  tokens_.reserve(rows);
  return absl::OkStatus();
}

void ForcedSteps::Add(std::unique_ptr<LiveSentence> sentence) {
  if (sentence->align) {
    const int positions = static_cast<int>(sentence->forced->tokens().size());
    sentence->aligner = NewAligner(*sentence, {1, positions}, resources_);
  }
  Cells cells(sentence->forced->tokens().size());
  live_.Add({std::move(sentence), std::move(cells)});
}

void ForcedSteps::Step(std::vector<std::unique_ptr<LiveSentence>>& finished) {
  if (num_sentences() == 0) return;
  const model::DecoderInput input = Prepare();
  const bool aligns =
      std::any_of(live_.begin(), live_.end(),
                  [](const Entry& entry) { return entry.sentence->align; });
  const int layer = resources_.model.alignment_layer();
  if (aligns) resources_.decoder.set_queries_tap(layer, &queries_);
  resources_.decoder.Step(input);
  resources_.decoder.set_queries_tap(layer, nullptr);
  if (aligns) Align();
  Score();
  live_.RemoveFinished(finished);
}

// A row for each position, those of a sentence in order.
model::DecoderInput ForcedSteps::Prepare() {
  const model::StageTimer timer(profile_, model::Stage::kSearch, kernels_);
  int stride = 0;
  for (const Entry& entry : live_) {
    const ForcedTarget& target = *entry.sentence->forced;
    stride = std::max(stride, target.num_scored() + target.num_rows());
  }
  arrays_.Begin(num_rows());
  cells_.host.clear();
  constraints_.clear();
  for (Entry& entry : live_) AddRows(entry, stride);
  model::DecoderInput input = arrays_.Upload();
  input.target.cells = cells_.Upload(kernels_);
  input.target.cells_stride = stride;
  input.target.rows_follow = true;
  return input;
}

void ForcedSteps::AddRows(Entry& entry, int stride) {
  const ForcedTarget& target = *entry.sentence->forced;
  const int32_t start = resources_.model.config().tokens.decoder_start;
  const int end = target.num_scored() + target.num_rows();
  entry.cells.Extend(end, resources_.target_blocks);
  for (int position = target.num_scored(); position < end; ++position) {
    arrays_.Add(*entry.sentence, position, target.Input(position, start));
    const int32_t* cells = entry.cells.data();
    cells_.host.insert(cells_.host.end(), cells, cells + position + 1);
    kernels::TokenConstraint constraint;
    constraint.only = target.tokens()[position];
    constraints_.push_back(constraint);
    cells_.host.resize(constraints_.size() * stride);
  }
}

void ForcedSteps::Score() {
  const model::StageTimer timer(profile_, model::Stage::kOutput, kernels_);
  const int rows = static_cast<int>(constraints_.size());
  log_probs_.resize(rows);
  tokens_.resize(rows);
  kernels_.OutputTopK(*resources_.model.weights().output,
                      resources_.decoder.Output(rows), {}, constraints_,
                      resources_.logits.Rows(0, rows),
                      {1, log_probs_.data(), tokens_.data()});
  size_t row = 0;
  for (Entry& entry : live_) {
    ForcedTarget& target = *entry.sentence->forced;
    for (int i = target.num_rows(); i > 0; --i) target.Add(log_probs_[row++]);
    if (target.finished() && !target.is_finite()) {
      entry.sentence->status = absl::InternalError(
          "the output of the model for this sentence is not finite");
    }
  }
}

void ForcedSteps::Align() {
  const size_t width =
      resources_.model.config().architecture.decoder.heads().width();
  size_t row = 0;
  for (Entry& entry : live_) {
    const ForcedTarget& target = *entry.sentence->forced;
    for (int i = 0; i < target.num_rows(); ++i, ++row) {
      if (!entry.sentence->align) continue;
      entry.sentence->aligner->TakePosition(target.num_scored() + i,
                                            queries_.data() + row * width);
    }
  }
}

}  // namespace peregrine::decode
