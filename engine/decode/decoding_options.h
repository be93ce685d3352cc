#ifndef PEREGRINE_ENGINE_DECODE_DECODING_OPTIONS_H_
#define PEREGRINE_ENGINE_DECODE_DECODING_OPTIONS_H_

#include <cstdint>
#include <vector>

#include "engine/model/search_rules.h"

namespace peregrine::decode {

// How to decode one sentence, every field decided. The search itself is
// specified in docs/model-format.md.
struct DecodingOptions {
  int beam_size = 1;  // 1: greedy
  float length_penalty =
      0.6f;                // score = sum of log-probabilities / length^this
  int num_hypotheses = 1;  // returned, at most beam_size
  int min_length = 0;      // target tokens without the end symbol
  int max_length = 0;      // likewise; a sentence still open then is ended
  // Whether the tokens are those of the model's shortlist for this source
  // alone. Changes nothing where the model has none, nor on a GPU, which gains
  // nothing by it.
  bool use_shortlist = true;
  model::SearchRules rules;
  // Stands for the source language among the tokens that are added to the
  // source; -1: the model's own, see model::TokenConfig.
  int32_t source_language = -1;
};

struct Hypothesis {
  std::vector<int32_t> tokens;  // without the end symbol
  float score = 0.0f;
  bool truncated = false;  // ended by max_length
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_DECODING_OPTIONS_H_
