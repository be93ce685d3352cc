#include "engine/decode/source_side.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/decode/hypothesis_cells.h"

namespace peregrine::decode {
namespace {

// More go through the encoder in turns. On a CPU nothing is gained by more, nor
// on a device that wants larger chunks by more than one of them.
constexpr int kMaxEncoderTokens = 1024;

// The longest source must always fit.
int NumCells(const model::Model& model, const SessionLimits& limits) {
  return std::max(RunPool::Rounded(limits.max_source_tokens),
                  RunPool::Rounded(model.max_source_length()));
}

}  // namespace

SourceSide::SourceSide(const model::Model& model, kernels::Kernels& kernels,
                       const SessionLimits& limits)
    : model_(model),
      kernels_(kernels),
      num_cells_(NumCells(model, limits)),
      runs_(num_cells_, limits.max_rows),
      memory_(kernels) {}

absl::Status SourceSide::Allocate() {
  const int at_once =
      std::max(kMaxEncoderTokens, kernels_.encoder_chunk_tokens());
  PEREGRINE_ASSIGN_OR_RETURN(
      encoder_,
      model::Encoder::Create(model_, kernels_, std::min(num_cells_, at_once)));
  return cells_.Reserve(encoder_->max_tokens(), memory_);
}

int SourceSide::room() const {
  return std::min(num_cells_ - used_cells_, runs_.largest_run());
}

int SourceSide::BlockedTokens(int source_length) const {
  return RunPool::Rounded(source_length + added_length());
}

void SourceSide::Admit(absl::Span<const SentenceInput> inputs,
                       model::Decoder& decoder,
                       std::vector<std::unique_ptr<LiveSentence>>& joined) {
  size_t begin = 0;
  while (begin < inputs.size()) {
    size_t end = begin;
    int num_tokens = 0;
    while (end < inputs.size()) {
      const int length =
          static_cast<int>(inputs[end].source.size()) + added_length();
      if (end > begin && num_tokens + length > encoder_->max_tokens()) break;
      num_tokens += length;
      ++end;
    }
    Encode(inputs.subspan(begin, end - begin), decoder, joined);
    begin = end;
  }
}

void SourceSide::Release(const LiveSentence& sentence) {
  runs_.Give(sentence.source_begin, sentence.source_length);
  used_cells_ -= RunPool::Rounded(sentence.source_length);
}

void SourceSide::Encode(absl::Span<const SentenceInput> inputs,
                        model::Decoder& decoder,
                        std::vector<std::unique_ptr<LiveSentence>>& joined) {
  const model::StageTimer timer(profile_, model::Stage::kEncode, kernels_);
  const auto start = LiveSentence::Clock::now();
  const std::shared_ptr<kernels::Stopwatch> stopwatch = kernels_.NewStopwatch();
  stopwatch->Start();
  tokens_.clear();
  lengths_.clear();
  cells_.host.clear();
  const size_t first = joined.size();
  for (const SentenceInput& input : inputs) joined.push_back(Join(input));
  const kernels::Matrix encoded = encoder_->Encode(tokens_, lengths_);
  decoder.StoreSource(encoded, cells_.Upload(kernels_));
  stopwatch->Stop();
  for (size_t i = first; i < joined.size(); ++i) {
    joined[i]->encode_start = start;
    joined[i]->encoding = stopwatch;
  }
}

// With its cells, and its tokens in the batch.
std::unique_ptr<LiveSentence> SourceSide::Join(const SentenceInput& input) {
  const model::TokenConfig& added = model_.config().tokens;
  auto sentence = std::make_unique<LiveSentence>(input, added);
  const absl::Span<const int32_t> source = added.WithoutAdded(input.source);
  sentence->source_tokens = static_cast<int>(input.source.size());
  sentence->source_length = static_cast<int>(source.size()) + added_length();
  sentence->target_blocks = HypothesisCells::MaxBlocks(
      sentence->forced != nullptr ? 1 : sentence->beam_size,
      sentence->max_length + 1);
  sentence->source_begin = runs_.Take(sentence->source_length);
  PEREGRINE_CHECK(sentence->source_begin >= 0)
      << "no room for the source of sentence " << input.id;
  used_cells_ += RunPool::Rounded(sentence->source_length);
  for (int i = 0; i < sentence->source_length; ++i) {
    cells_.host.push_back(sentence->source_begin + i);
  }
  AppendAdded(added.source_prefix, input.options);
  tokens_.insert(tokens_.end(), source.begin(), source.end());
  AppendAdded(added.source_suffix, input.options);
  lengths_.push_back(sentence->source_length);
  sentence->steering = SentenceSteering::Create(
      LiveSentence::SearchOptions(input.options, added), model_.config());
  SelectOutputs(input, *sentence);
  return sentence;
}

// The model's prefix or suffix, in the language of the sentence.
void SourceSide::AppendAdded(const std::vector<int32_t>& added,
                             const DecodingOptions& options) {
  const model::TokenConfig& tokens = model_.config().tokens;
  const int32_t language = tokens.target_in_source
                               ? options.rules.forced_first_token
                               : options.source_language;
  for (int32_t token : added) {
    const bool chosen = token == tokens.source_language && language >= 0;
    tokens_.push_back(chosen ? language : token);
  }
}

// Of the source's own tokens: what a model adds to them says nothing. With all
// that the caller demands.
void SourceSide::SelectOutputs(const SentenceInput& input,
                               LiveSentence& sentence) {
  if (model_.shortlist() == nullptr || sentence.forced != nullptr ||
      !input.options.use_shortlist || !kernels_.gains_by_selections()) {
    return;
  }
  const int32_t eos = model_.config().tokens.eos;
  const int32_t forced = input.options.rules.forced_first_token;
  std::vector<int32_t> demanded = {eos, forced >= 0 ? forced : eos};
  const Steering& steering = input.options.steering;
  demanded.insert(demanded.end(), steering.prefix.begin(),
                  steering.prefix.end());
  for (const std::vector<int32_t>& phrase : steering.must_contain) {
    demanded.insert(demanded.end(), phrase.begin(), phrase.end());
  }
  model_.shortlist()->TargetsOf(
      model_.config().tokens.WithoutAdded(input.source), demanded, shortlist_);
  auto selection = kernels_.SelectOutputs(*model_.weights().output, shortlist_);
  if (selection.ok()) {
    sentence.selection = *std::move(selection);
  } else {
    sentence.status = selection.status();
  }
}

}  // namespace peregrine::decode
