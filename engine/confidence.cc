#include "engine/confidence.h"

#include <algorithm>
#include <cmath>

namespace peregrine {

float Confidence(const model::ConfidenceConfig& config,
                 const decode::Hypothesis& hypothesis) {
  // Without the end symbol, which the answer does not tell.
  const size_t count =
      std::min(hypothesis.tokens.size(), hypothesis.token_scores.size());
  if (count == 0) return 0.0f;
  double sum = 0.0;
  double worst = 0.0;
  for (size_t i = 0; i < count; ++i) {
    const double score = hypothesis.token_scores[i];
    sum += score;
    worst = std::min(worst, score);
  }
  const auto number = static_cast<double>(count);
  const double x = config.bias + config.mean * (sum / number) +
                   config.worst * worst + config.length * std::log(number);
  return static_cast<float>(1.0 / (1.0 + std::exp(-x)));
}

}  // namespace peregrine
