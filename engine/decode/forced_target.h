#ifndef PEREGRINE_ENGINE_DECODE_FORCED_TARGET_H_
#define PEREGRINE_ENGINE_DECODE_FORCED_TARGET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/decode/decoding_options.h"
#include "engine/model/config.h"

namespace peregrine::decode {

// The tokens of a translation that is given: those of `target` behind what the
// model begins with by force, and the end symbol. As a search would find them.
std::vector<int32_t> ForcedTokens(const std::vector<int32_t>& target,
                                  const DecodingOptions& options,
                                  const model::TokenConfig& tokens);

// A translation that is given, and how far it has been scored.
class ForcedTarget {
 public:
  // `tokens` are those of ForcedTokens, of which the first adds nothing to the
  // score where the options force it.
  ForcedTarget(std::vector<int32_t> tokens, const DecodingOptions& options);

  const std::vector<int32_t>& tokens() const { return tokens_; }
  // Tokens scored: also the position of the next one.
  int num_scored() const { return static_cast<int>(log_probs_.size()); }
  bool finished() const { return log_probs_.size() == tokens_.size(); }
  // Positions that the next step looks at.
  int num_rows() const {
    return std::min(max_rows_, static_cast<int>(tokens_.size()) - num_scored());
  }

  // What the decoder reads to predict the token at `position`.
  int32_t Input(int position, int32_t decoder_start) const {
    return position == 0 ? decoder_start : tokens_[position - 1];
  }

  // The log-probability of the next token.
  void Add(float log_prob) { log_probs_.push_back(log_prob); }

  // Whether all numbers so far are finite.
  bool is_finite() const;

  // Once finished.
  Hypothesis Take(const DecodingOptions& options) const;

 private:
  const std::vector<int32_t> tokens_;
  const int max_rows_;  // a step
  const bool first_is_free_;
  std::vector<float> log_probs_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_FORCED_TARGET_H_
