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
  wanted_.reserve(rows);
  listed_offsets_.reserve(rows + 1);
  log_sums_.reserve(rows);
  log_rests_.reserve(rows);
  return absl::OkStatus();
}

// All memory that the sentence's steps will need.
void HostSteps::Add(std::unique_ptr<LiveSentence> sentence) {
  if (sentence->steering != nullptr) {
    size_t listed = sentence->beam_size * sentence->steering->max_listed();
    for (const Entry& entry : live_) {
      if (entry.sentence->steering == nullptr) continue;
      listed +=
          entry.sentence->beam_size * entry.sentence->steering->max_listed();
    }
    listed_tokens_.reserve(listed);
    listed_log_probs_.reserve(listed);
    if (outputs_ == nullptr) {
      outputs_ =
          std::make_unique<HostOutputs>(kernels_, resources_.logits.cols);
    }
  }
  if (sentence->align) StartAligning(*sentence);
  HypothesisCells cells(sentence->beam_size, sentence->max_length + 1);
  live_.Add({std::move(sentence), std::move(cells)});
}

void HostSteps::Step(std::vector<std::unique_ptr<LiveSentence>>& finished) {
  if (num_sentences() == 0) return;
  RunDecoder();
  if (aligns_) Align();
  const kernels::TopK top = PrepareTopK();
  ScoreOutputs(top);
  Advance(top);
  live_.RemoveFinished(finished);
}

void HostSteps::RunDecoder() {
  const model::DecoderInput input = Prepare();
  aligns_ = std::any_of(live_.begin(), live_.end(), [](const Entry& entry) {
    return entry.sentence->align;
  });
  // A step that is repeated has no stages, and copies nothing to the host.
  if (profile_ != nullptr || aligns_) {
    const int layer = resources_.model.alignment_layer();
    resources_.decoder.set_queries_tap(layer, aligns_ ? &queries_ : nullptr);
    resources_.decoder.Step(input);
    resources_.decoder.set_queries_tap(layer, nullptr);
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
  listed_tokens_.clear();
  listed_offsets_.assign(1, 0);
  for (Entry& entry : live_) {
    const BeamSearch& search = entry.sentence->search;
    const int step = search.step();
    entry.cells.Extend(search.live(), step, resources_.target_blocks);
    for (size_t j = 0; j < search.live().size(); ++j) {
      arrays_.Add(*entry.sentence, step, search.live()[j].last_token);
      const int32_t* cells = entry.cells.row(j);
      cells_.host.insert(cells_.host.end(), cells, cells + step + 1);
      constraints_.push_back(search.constraint());
      if (entry.sentence->steering != nullptr) {
        entry.sentence->steering->List(search, j, listed_tokens_);
      }
      listed_offsets_.push_back(static_cast<int32_t>(listed_tokens_.size()));
      cells_.host.resize(constraints_.size() * shape.cells_stride);
    }
  }
  cells_.host.resize(static_cast<size_t>(shape.rows) * shape.cells_stride);
  model::DecoderInput input = arrays_.Upload();
  input.target.cells = cells_.Upload(kernels_);
  input.target.cells_stride = shape.cells_stride;
  return input;
}

// Rows of a small beam do not pay for the candidates of a large one beside it.
kernels::TopK HostSteps::PrepareTopK() {
  int k = 0;
  wanted_.clear();
  for (const Entry& entry : live_) {
    const BeamSearch& search = entry.sentence->search;
    k = std::max(k, search.num_candidates());
    wanted_.resize(wanted_.size() + search.live().size(),
                   search.num_candidates());
  }
  top_log_probs_.resize(constraints_.size() * k);
  top_tokens_.resize(constraints_.size() * k);
  return {k, top_log_probs_.data(), top_tokens_.data(), wanted_.data()};
}

// The rows of each sentence that has a selection alone, the others in runs of
// those that are steered and those that are not.
void HostSteps::ScoreOutputs(const kernels::TopK& top) {
  const model::StageTimer timer(profile_, model::Stage::kOutput, kernels_);
  listed_log_probs_.resize(listed_tokens_.size());
  log_sums_.resize(constraints_.size());
  log_rests_.resize(constraints_.size());
  Run run;
  for (const Entry& entry : live_) {
    const LiveSentence& sentence = *entry.sentence;
    Run own;
    own.begin = run.begin + run.count;
    own.count = static_cast<int>(sentence.search.live().size());
    own.selection = sentence.selection.get();
    own.steered = sentence.steering != nullptr;
    const bool samples = own.steered && sentence.steering->samples();
    const bool joins = own.selection == nullptr && run.selection == nullptr &&
                       own.steered == run.steered && !samples;
    if (joins) {
      run.count += own.count;
      continue;
    }
    ScoreRows(run, top);
    if (samples) {
      SampleRows(sentence, own);
      run = {own.begin + own.count, 0, nullptr, false};
    } else {
      run = own;
    }
  }
  ScoreRows(run, top);
}

void HostSteps::ScoreRows(const Run& run, kernels::TopK top) {
  if (run.count == 0) return;
  const kernels::LinearWeight& output = *resources_.model.weights().output;
  const std::vector<int32_t>& suppressed =
      resources_.model.config().decoding.suppressed_tokens;
  const auto constraints =
      absl::MakeConstSpan(constraints_).subspan(run.begin, run.count);
  const kernels::Matrix hidden =
      resources_.decoder.Output(run.begin + run.count)
          .Rows(run.begin, run.count);
  const kernels::Matrix logits = resources_.logits.Rows(0, run.count);
  top.log_probs += static_cast<size_t>(run.begin) * top.k;
  top.tokens += static_cast<size_t>(run.begin) * top.k;
  top.wanted += run.begin;
  if (run.steered) {
    ListedTokens listed;
    listed.offsets =
        absl::MakeConstSpan(listed_offsets_).subspan(run.begin, run.count + 1);
    listed.tokens = listed_tokens_;
    listed.log_probs = listed_log_probs_.data();
    listed.log_sums = log_sums_.data() + run.begin;
    listed.log_rests = log_rests_.data() + run.begin;
    outputs_->TopK({output, run.selection, hidden, suppressed, logits},
                   constraints, listed, top);
  } else if (run.selection == nullptr) {
    kernels_.OutputTopK(output, hidden, suppressed, constraints, logits, top);
  } else {
    kernels_.SelectedTopK(output, *run.selection, hidden, suppressed,
                          constraints, logits, top);
  }
}

void HostSteps::SampleRows(const LiveSentence& sentence, const Run& run) {
  const kernels::Matrix hidden =
      resources_.decoder.Output(run.begin + run.count)
          .Rows(run.begin, run.count);
  outputs_->ForEachRow(
      {*resources_.model.weights().output, run.selection, hidden,
       resources_.model.config().decoding.suppressed_tokens,
       resources_.logits.Rows(0, run.count)},
      [&](int row, absl::Span<float> logits) {
        sentence.steering->Sample(sentence.search, row, logits);
      });
}

// Every search by one token.
void HostSteps::Advance(const kernels::TopK& top) {
  const model::StageTimer timer(profile_, model::Stage::kSearch, kernels_);
  size_t row = 0;
  for (const Entry& entry : live_) {
    BeamSearch& search = entry.sentence->search;
    const size_t rows = search.live().size();
    if (entry.sentence->steering != nullptr) {
      AdvanceSteered(*entry.sentence, row, top);
    } else {
      search.Advance(top.k, top.log_probs + row * top.k,
                     top.tokens + row * top.k);
    }
    if (entry.sentence->align) entry.sentence->aligner->Follow(search);
    row += rows;
  }
}

void HostSteps::AdvanceSteered(LiveSentence& sentence, size_t row,
                               const kernels::TopK& top) {
  BeamSearch& search = sentence.search;
  SentenceSteering& steering = *sentence.steering;
  for (size_t j = 0; j < search.live().size() && !steering.samples(); ++j) {
    const size_t at = row + j;
    const size_t begin = listed_offsets_[at];
    const size_t count = listed_offsets_[at + 1] - begin;
    RowOutputs outputs;
    outputs.best_log_probs = {top.log_probs + at * top.k,
                              static_cast<size_t>(search.num_candidates())};
    outputs.best_tokens = {top.tokens + at * top.k,
                           outputs.best_log_probs.size()};
    outputs.listed_tokens = {listed_tokens_.data() + begin, count};
    outputs.listed_log_probs = {listed_log_probs_.data() + begin, count};
    outputs.log_sum = log_sums_[at];
    outputs.log_rest = log_rests_[at];
    steering.TakeRow(search, j, outputs);
  }
  search.Advance(steering.Choose(search));
  steering.Follow(search);
}

void HostSteps::StartAligning(LiveSentence& sentence) {
  const kernels::HeadShape heads =
      resources_.model.config().architecture.decoder.heads();
  queries_.reserve(static_cast<size_t>(resources_.max_rows) * heads.width());
  const AlignedTarget target = {sentence.beam_size,
                                sentence.beam_size * (sentence.max_length + 1)};
  sentence.aligner = NewAligner(sentence, target, resources_);
  const double penalty = sentence.search.options().steering.coverage_penalty;
  if (penalty == 0.0) return;
  SentenceAligner* const aligner = sentence.aligner.get();
  BeamSearch* const search = &sentence.search;
  sentence.search.set_finished_bonus([=](int row, int node) {
    return penalty * aligner->Coverage(*search, row, node);
  });
}

void HostSteps::Align() {
  const size_t width =
      resources_.model.config().architecture.decoder.heads().width();
  size_t row = 0;
  for (const Entry& entry : live_) {
    const BeamSearch& search = entry.sentence->search;
    for (size_t j = 0; j < search.live().size(); ++j, ++row) {
      if (!entry.sentence->align) continue;
      entry.sentence->aligner->TakeQueries(search, j,
                                           queries_.data() + row * width);
    }
  }
}

}  // namespace peregrine::decode
