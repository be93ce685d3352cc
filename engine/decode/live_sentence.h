#ifndef PEREGRINE_ENGINE_DECODE_LIVE_SENTENCE_H_
#define PEREGRINE_ENGINE_DECODE_LIVE_SENTENCE_H_

#include <chrono>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "engine/decode/beam_search.h"
#include "engine/decode/forced_target.h"
#include "engine/decode/sentence_aligner.h"
#include "engine/decode/sentence_steering.h"
#include "engine/decode/session.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"

namespace peregrine::decode {

// A sentence of a session from the encoder to its last token. Which cells its
// hypotheses have is the business of those who do its steps.
struct LiveSentence {
  using Clock = std::chrono::steady_clock;

  LiveSentence(const SentenceInput& input, const model::TokenConfig& tokens)
      : id(input.id),
        beam_size(input.options.beam_size),
        max_length(MaxLength(input, tokens)),
        search(SearchOptions(input.options, tokens), tokens.decoder_start,
               tokens.eos) {
    align =
        input.options.align || input.options.steering.coverage_penalty != 0.0f;
    if (!input.target.has_value()) return;
    forced = std::make_unique<ForcedTarget>(
        ForcedTokens(*input.target, input.options, tokens), search.options());
  }

  static int MaxLength(const SentenceInput& input,
                       const model::TokenConfig& tokens) {
    if (!input.target.has_value()) return input.options.max_length;
    return static_cast<int>(
        ForcedTokens(*input.target, input.options, tokens).size() - 1);
  }

  // Where the source names the target's language, the target does not.
  static DecodingOptions SearchOptions(DecodingOptions options,
                                       const model::TokenConfig& tokens) {
    if (tokens.target_in_source) options.rules.forced_first_token = -1;
    return options;
  }

  bool finished() const {
    return forced != nullptr ? forced->finished() : search.finished();
  }
  // Of its next step.
  int num_rows() const {
    return forced != nullptr ? forced->num_rows()
                             : static_cast<int>(search.live().size());
  }

  const uint64_t id;
  const int beam_size;
  const int max_length;  // as DecodingOptions has it
  // A translation that is given; null: it is searched for.
  std::unique_ptr<ForcedTarget> forced;
  absl::Status status;  // not OK: failed, and goes to no Search
  BeamSearch search;
  // What is demanded of the search; null: nothing.
  std::unique_ptr<SentenceSteering> steering;
  bool align = false;  // whether it needs an aligner
  int num_stable = 0;  // tokens that TakeStable has told
  std::unique_ptr<SentenceAligner> aligner;
  // What it may be made of; null: the whole vocabulary.
  std::unique_ptr<kernels::OutputSelection> selection;
  int source_begin = 0;   // cells
  int source_length = 0;  // with prefix and suffix
  int source_tokens = 0;  // without
  // That it may come to take, and whether it may.
  int target_blocks = 0;
  bool has_target_blocks = false;
  Clock::time_point encode_start;
  std::shared_ptr<kernels::Stopwatch> encoding;  // with its batch-mates'
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_LIVE_SENTENCE_H_
