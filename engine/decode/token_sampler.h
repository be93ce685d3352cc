#ifndef PEREGRINE_ENGINE_DECODE_TOKEN_SAMPLER_H_
#define PEREGRINE_ENGINE_DECODE_TOKEN_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"

namespace peregrine::decode {

// Draws the tokens of one sentence's samples. What it draws depends on its
// arguments alone. Looks at as few logits one by one as it can: passes over a
// vocabulary are by vectors. Allocates when it is made and not later.
class TokenSampler {
 public:
  TokenSampler(const Sampling& sampling, int vocab_size);

  // The token of step `step` of sample number `sample`. `logits` are those of
  // the whole vocabulary; some are finite, and those of -infinity never come.
  int32_t Draw(absl::Span<const float> logits, uint64_t sample, uint64_t step);

 private:
  struct Entry {
    float logit = 0.0f;
    int32_t token = -1;
    double weight = 0.0;
  };

  void KeepBest(absl::Span<const float> logits, size_t count);
  double Weigh(float largest);
  double WeightOfAll(absl::Span<const float> logits, float largest);
  int32_t DrawOfAll(absl::Span<const float> logits, float largest,
                    double uniform);
  void KeepLikely(absl::Span<const float> logits, float largest);

  const Sampling sampling_;
  std::vector<Entry> entries_;      // that it is drawn from, best first
  std::vector<float> scaled_;       // [vocab_size]: by the temperature
  std::vector<double> block_sums_;  // of the weights
  std::vector<float> best_logits_;  // [kFewTokens]
  std::vector<int32_t> best_tokens_;
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_TOKEN_SAMPLER_H_
