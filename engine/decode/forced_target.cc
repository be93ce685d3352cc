#include "engine/decode/forced_target.h"

#include <cmath>
#include <utility>

namespace peregrine::decode {

std::vector<int32_t> ForcedTokens(const std::vector<int32_t>& target,
                                  const DecodingOptions& options,
                                  const model::TokenConfig& tokens) {
  std::vector<int32_t> forced;
  forced.reserve(target.size() + 2);
  const int32_t first = options.rules.forced_first_token;
  if (first >= 0 && !tokens.target_in_source &&
      (target.empty() || target[0] != first)) {
    forced.push_back(first);
  }
  forced.insert(forced.end(), target.begin(), target.end());
  forced.push_back(tokens.eos);
  return forced;
}

ForcedTarget::ForcedTarget(std::vector<int32_t> tokens,
                           const DecodingOptions& options)
    : tokens_(std::move(tokens)),
      max_rows_(options.beam_size),
      first_is_free_(options.rules.forced_first_token == tokens_[0]) {
  log_probs_.reserve(tokens_.size());
}

bool ForcedTarget::is_finite() const {
  return std::all_of(log_probs_.begin(), log_probs_.end(),
                     [](float log_prob) { return std::isfinite(log_prob); });
}

Hypothesis ForcedTarget::Take(const DecodingOptions& options) const {
  Hypothesis hypothesis;
  hypothesis.tokens.assign(tokens_.begin(), tokens_.end() - 1);
  hypothesis.token_scores = log_probs_;
  if (first_is_free_) hypothesis.token_scores[0] = 0.0f;
  double sum = 0.0;
  for (float log_prob : hypothesis.token_scores) sum += log_prob;
  const int length = static_cast<int>(tokens_.size());
  hypothesis.score = static_cast<float>(NormalizedScore(options, sum, length));
  return hypothesis;
}

}  // namespace peregrine::decode
