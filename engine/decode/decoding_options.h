#ifndef PEREGRINE_ENGINE_DECODE_DECODING_OPTIONS_H_
#define PEREGRINE_ENGINE_DECODE_DECODING_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/model/search_rules.h"

namespace peregrine::decode {

// Each token is drawn instead of searched for. Of the probabilities, divided
// by `temperature` as logits, the `top_k` largest are kept (0: all), of these
// the fewest that have `top_p` of the sum together.
struct Sampling {
  int top_k = 0;
  float top_p = 1.0f;
  float temperature = 1.0f;
  uint64_t seed = 0;  // the same one gives the same output in any company
};

// What a caller demands of one translation, beside how long it is searched
// for. As made, it demands nothing and costs nothing. Phrases are token ids.
// docs/decoding.md says what each is called elsewhere.
struct Steering {
  // How the output begins. Adds nothing to the score.
  std::vector<int32_t> prefix;

  // How it goes on behind that, where only the text is given and not how it is
  // cut into tokens. From place 0 on: the tokens that may come at a place,
  // which rise, each with the place behind it in turn. Behind the last place
  // anything may come. Its tokens add to the score.
  std::vector<std::vector<int32_t>> completion;

  // What the output holds: each phrase once, in any order, or in this one.
  // At most kMaxPhrases.
  static constexpr int kMaxPhrases = 64;
  std::vector<std::vector<int32_t>> must_contain;
  bool in_order = false;

  // What it does not hold. At most kMaxPhrases, each in up to 16 spellings.
  std::vector<std::vector<int32_t>> must_not_contain;
  bool allow_unknown = true;       // the unknown token
  std::vector<int32_t> not_first;  // tokens that do not follow the prefix

  // What each token that a hypothesis has is divided by (a positive logit) or
  // multiplied with; 1: nothing. No n-gram of this size comes twice; 0: it may.
  float repetition_penalty = 1.0f;
  int no_repeat_ngram_size = 0;

  // Continuations that are less probable are not looked at, but for the best of
  // each hypothesis.
  float min_probability = 0.0f;
  // Off the log-probability of the end symbol at each step: a reward of every
  // other token.
  float end_penalty = 0.0f;
  // Times the sum over source tokens of log(min(1, attention they got)), added
  // to a finished score.
  float coverage_penalty = 0.0f;

  // `beam_size` independent samples, which are the hypotheses.
  std::optional<Sampling> sampling;

  // The `beam_size` best tokens after the prefix, each completed greedily: the
  // hypotheses, in the order of these tokens. None that is less probable than
  // min_probability, but for the first.
  bool alternatives = false;

  // The beam is made of so many groups of equal size, each with a search of its
  // own. At each step a token costs a group `diversity_penalty` for every
  // hypothesis of the groups before it that takes the token.
  int beam_groups = 1;
  float diversity_penalty = 0.0f;

  // Whether it demands anything.
  bool empty() const {
    return prefix.empty() && completion.empty() && must_contain.empty() &&
           must_not_contain.empty() && allow_unknown && not_first.empty() &&
           repetition_penalty == 1.0f && no_repeat_ngram_size == 0 &&
           min_probability == 0.0f && end_penalty == 0.0f &&
           coverage_penalty == 0.0f && !sampling.has_value() && !alternatives &&
           beam_groups == 1;
  }
};

// How to decode one sentence, every field decided. The search itself is
// specified in docs/model-format.md.
struct DecodingOptions {
  int beam_size = 1;  // 1: greedy
  float length_penalty =
      0.6f;                // score = sum of log-probabilities / length^this
  int num_hypotheses = 1;  // returned, at most beam_size
  int min_length = 0;      // target tokens without the end symbol
  int max_length = 0;      // likewise; a sentence still open then is ended
  // A search is over when this many times beam_size hypotheses are finished.
  float patience = 1.0f;
  // Whether the tokens are those of the model's shortlist for this source
  // alone. Changes nothing where the model has none, nor on a GPU, which gains
  // nothing by it.
  bool use_shortlist = true;
  // Whether hypotheses come with their alignments.
  bool align = false;
  // Whether Session::TakeStable tells how it begins as soon as that is known.
  bool stream = false;
  model::SearchRules rules;
  // Stands for the source language among the tokens that are added to the
  // source; -1: the model's own, see model::TokenConfig.
  int32_t source_language = -1;
  Steering steering;
};

struct Hypothesis {
  std::vector<int32_t> tokens;  // without the end symbol
  float score = 0.0f;
  bool truncated = false;  // ended by max_length
  // Log-probability of each token, then of the end symbol where there is one.
  // 0 for what was free of choice.
  std::vector<float> token_scores;
  // With `align`: how much each token looked at each token of the source
  // [tokens, source tokens], between 0 and 1. What it looked at among the
  // tokens that the model adds to the source is missing from the sum.
  std::vector<float> alignment;
};

// The score of a hypothesis whose log-probabilities have this sum, with the end
// symbol counted in `length`.
double NormalizedScore(const DecodingOptions& options, double sum, int length);

// The source token that each token of `hypothesis`, which has an alignment,
// looked at most; ties go to the first.
std::vector<int> HardAlignment(const Hypothesis& hypothesis);

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_DECODING_OPTIONS_H_
