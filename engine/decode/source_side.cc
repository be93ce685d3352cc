#include "engine/decode/source_side.h"

#include <algorithm>
#include <iterator>
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
  size_t first = joined.size();
  const auto encode = [&] {
    Encode(absl::MakeConstSpan(joined).subspan(first), decoder);
    first = joined.size();
  };
  std::vector<std::vector<int32_t>> sources;
  sources.reserve(inputs.size());
  for (const SentenceInput& input : inputs) sources.push_back(TokensOf(input));
  Restore(sources);
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool is_known = sources_.contains(sources[i]);
    if (!is_known && !tokens_.empty() &&
        static_cast<int>(tokens_.size() + sources[i].size()) >
            encoder_->max_tokens()) {
      encode();
    }
    joined.push_back(Join(inputs[i], std::move(sources[i])));
  }
  encode();
}

// Takes the cells of those that were kept, as far as there is still a run for
// all others. One that is named several times counts as often.
void SourceSide::Restore(absl::Span<const std::vector<int32_t>> sources) {
  if (num_kept_ == 0) return;
  const auto rounded = [](const std::vector<int32_t>& source) {
    return RunPool::Rounded(static_cast<int>(source.size()));
  };
  int needed = 0;
  for (const std::vector<int32_t>& source : sources) {
    const auto found = sources_.find(source);
    const bool is_live = found != sources_.end() && !found->second.is_kept;
    if (!is_live) needed += rounded(source);
  }
  for (const std::vector<int32_t>& source : sources) {
    const auto found = sources_.find(source);
    if (found == sources_.end() || !found->second.is_kept) continue;
    const int begin = found->second.begin;
    const int length = static_cast<int>(source.size());
    runs_.TakeAt(begin, length);
    if (runs_.largest_run() >= needed - rounded(source)) {
      needed -= rounded(source);
      used_cells_ += rounded(source);
      found->second.is_kept = false;
      --num_kept_;
    } else {
      runs_.Give(begin, length);
      ForgetIn(begin, begin + length);
    }
  }
}

// The sources that were kept in these cells.
void SourceSide::ForgetIn(int begin, int end) {
  auto next = source_at_.lower_bound(begin);
  if (next != source_at_.begin()) {
    const auto previous = std::prev(next);
    const int size = static_cast<int>(previous->second->size());
    if (previous->first + RunPool::Rounded(size) > begin) next = previous;
  }
  while (next != source_at_.end() && next->first < end) {
    sources_.erase(*next->second);
    next = source_at_.erase(next);
    --num_kept_;
  }
}

void SourceSide::Release(const LiveSentence& sentence) {
  const auto source = source_at_.find(sentence.source_begin);
  const auto run = sources_.find(*source->second);
  if (--run->second.num_sentences > 0) return;
  runs_.Give(sentence.source_begin, sentence.source_length);
  used_cells_ -= RunPool::Rounded(sentence.source_length);
  if (run->second.is_wanted) {
    run->second.is_kept = true;
    ++num_kept_;
    return;
  }
  source_at_.erase(source);
  sources_.erase(run);
}

// Those of the sources that are new, for all of `sentences`.
void SourceSide::Encode(
    absl::Span<const std::unique_ptr<LiveSentence>> sentences,
    model::Decoder& decoder) {
  const auto start = LiveSentence::Clock::now();
  const std::shared_ptr<kernels::Stopwatch> stopwatch = kernels_.NewStopwatch();
  stopwatch->Start();
  if (!tokens_.empty()) {
    const model::StageTimer timer(profile_, model::Stage::kEncode, kernels_);
    const kernels::Matrix encoded = encoder_->Encode(tokens_, lengths_);
    decoder.StoreSource(encoded, cells_.Upload(kernels_));
  }
  stopwatch->Stop();
  for (const std::unique_ptr<LiveSentence>& sentence : sentences) {
    sentence->encode_start = start;
    sentence->encoding = stopwatch;
  }
  tokens_.clear();
  lengths_.clear();
  cells_.host.clear();
}

// As the encoder sees them.
std::vector<int32_t> SourceSide::TokensOf(const SentenceInput& input) const {
  const model::TokenConfig& added = model_.config().tokens;
  const absl::Span<const int32_t> own = added.WithoutAdded(input.source);
  std::vector<int32_t> tokens;
  tokens.reserve(own.size() + added_length());
  AppendAdded(added.source_prefix, input.options, tokens);
  tokens.insert(tokens.end(), own.begin(), own.end());
  AppendAdded(added.source_suffix, input.options, tokens);
  return tokens;
}

// With its cells, and its tokens in the batch if they are new.
std::unique_ptr<LiveSentence> SourceSide::Join(const SentenceInput& input,
                                               std::vector<int32_t> source) {
  const model::TokenConfig& added = model_.config().tokens;
  auto sentence = std::make_unique<LiveSentence>(input, added);
  sentence->source_tokens = static_cast<int>(input.source.size());
  sentence->source_length = static_cast<int>(source.size());
  sentence->target_blocks = HypothesisCells::MaxBlocks(
      sentence->forced != nullptr ? 1 : sentence->beam_size,
      sentence->max_length + 1);
  sentence->source_begin = TakeRun(std::move(source), input.keep_source);
  PEREGRINE_CHECK(sentence->source_begin >= 0)
      << "no room for the source of sentence " << input.id;
  sentence->steering =
      SentenceSteering::Create(sentence->search.options(), model_.config());
  SelectOutputs(input, *sentence);
  return sentence;
}

// The first cell of a source, which is live then; -1: there is no room.
int SourceSide::TakeRun(std::vector<int32_t> source, bool is_wanted) {
  const int length = static_cast<int>(source.size());
  const auto [found, is_new] = sources_.try_emplace(std::move(source));
  Run& run = found->second;
  ++run.num_sentences;
  run.is_wanted = is_wanted;
  if (!is_new) return run.begin;
  run.begin = runs_.Take(length);
  if (run.begin < 0) return -1;
  ForgetIn(run.begin, run.begin + length);
  used_cells_ += RunPool::Rounded(length);
  source_at_[run.begin] = &found->first;
  for (int i = 0; i < length; ++i) cells_.host.push_back(run.begin + i);
  tokens_.insert(tokens_.end(), found->first.begin(), found->first.end());
  lengths_.push_back(length);
  return run.begin;
}

// The model's prefix or suffix, in the language of the sentence.
void SourceSide::AppendAdded(const std::vector<int32_t>& added,
                             const DecodingOptions& options,
                             std::vector<int32_t>& tokens) const {
  const model::TokenConfig& config = model_.config().tokens;
  const int32_t language = config.target_in_source
                               ? options.rules.forced_first_token
                               : options.source_language;
  for (int32_t token : added) {
    const bool chosen = token == config.source_language && language >= 0;
    tokens.push_back(chosen ? language : token);
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
  for (const std::vector<int32_t>& ways : steering.completion) {
    for (size_t i = 0; i < ways.size(); i += 2) demanded.push_back(ways[i]);
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
