#ifndef PEREGRINE_ENGINE_DECODE_SENTENCE_STEERING_H_
#define PEREGRINE_ENGINE_DECODE_SENTENCE_STEERING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "engine/decode/beam_search.h"
#include "engine/decode/decoding_options.h"
#include "engine/decode/phrase_constraints.h"
#include "engine/decode/token_sampler.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"

namespace peregrine::decode {

// What the kernels found for one live hypothesis: the best tokens that are not
// listed, and the log-probabilities of those that are.
struct RowOutputs {
  absl::Span<const float> best_log_probs;  // best first
  absl::Span<const int32_t> best_tokens;   // -1: no more
  absl::Span<const int32_t> listed_tokens;
  absl::Span<const float> listed_log_probs;
  float log_sum = 0.0f;   // logit = log-probability + log_sum
  float log_rest = 0.0f;  // log-probability of all that are not listed
};

// Applies the Steering of one sentence to its search. Each step: List for each
// live hypothesis, TakeRow with what was found for it, Choose, then
// BeamSearch::Advance with candidates() and Follow. Allocates when it is made
// and not in a step. Not thread-safe.
class SentenceSteering {
 public:
  // Null where the options, which must outlive it, demand nothing that
  // concerns a step.
  static std::unique_ptr<SentenceSteering> Create(
      const DecodingOptions& options, const model::ModelConfig& model);

  // Whether it wants all logits of a row, in place of outputs.
  bool samples() const { return options_.steering.sampling.has_value(); }

  // Most tokens that List ever appends.
  int max_listed() const { return max_listed_; }

  // Appends the tokens of which live hypothesis `row` must know the
  // log-probability, or which it may not have. They rise.
  void List(const BeamSearch& search, size_t row, std::vector<int32_t>& tokens);

  // Live hypotheses in order, in either way. `logits` are of the whole
  // vocabulary, those of forbidden tokens -infinity, and are overwritten.
  void TakeRow(const BeamSearch& search, size_t row, const RowOutputs& outputs);
  void Sample(const BeamSearch& search, size_t row, absl::Span<float> logits);

  // The candidates of all rows that were taken, best first.
  absl::Span<const kernels::BeamCandidate> Choose(const BeamSearch& search);

  // After Advance.
  void Follow(const BeamSearch& search);

 private:
  struct Entry {
    double log_prob = 0.0;
    int32_t token = -1;
  };

  SentenceSteering(const DecodingOptions& options,
                   const model::ModelConfig& model);

  absl::Span<const int32_t> History(size_t row) const {
    return {histories_.data() + row * stride_, history_size_};
  }
  // Whether live hypothesis `row` is inside Steering::completion.
  bool Completes(const BeamSearch& search, size_t row) const {
    const auto place = static_cast<size_t>(progress_[row].place);
    return search.constraint().only < 0 &&
           place < options_.steering.completion.size();
  }
  bool MustBreakBans(size_t row) const;
  // The place that `token` leads to; -1: it may not come there.
  int PlaceBehind(size_t row, int32_t token) const;
  bool has_tokens_to_penalize() const {
    return options_.steering.repetition_penalty != 1.0f;
  }
  bool penalizes_logits() const {
    return options_.beam_size == 1 ||
           !options_.rules.penalize_log_probabilities || samples();
  }
  // Whether the softmax comes after bans and penalties.
  bool renormalizes() const {
    return options_.rules.renormalize_min_length ||
           (has_tokens_to_penalize() && penalizes_logits());
  }
  bool IsSuppressed(int32_t token) const;
  bool WasGenerated(absl::Span<const int32_t> history, int32_t token) const;
  bool RepeatsNgram(absl::Span<const int32_t> history, int32_t token) const;
  bool IsBanned(absl::Span<const int32_t> history, int32_t token) const;
  bool MayBegin(absl::Span<const int32_t> history, int phrase);
  bool LeadsToPhrase(size_t row, int32_t token);
  double Penalized(double value) const;
  void AdjustRow(const BeamSearch& search, size_t row,
                 const RowOutputs& outputs);
  void AddOptions(const BeamSearch& search, size_t row,
                  const RowOutputs& outputs);
  void AddOption(const BeamSearch& search, size_t row, double log_prob,
                 int32_t token, PhraseProgress progress);
  void KeepCompletions(size_t row, absl::Span<float> logits);
  void AddBeginnings(const BeamSearch& search, size_t row,
                     const RowOutputs& outputs);
  bool MustBegin(const BeamSearch& search, size_t row,
                 const RowOutputs& outputs) const;
  void ChooseOfGroups(const BeamSearch& search);
  void KeepBest(size_t begin, size_t count);
  void DropIncomplete(const BeamSearch& search);

  const DecodingOptions& options_;
  const model::TokenConfig tokens_;
  const std::vector<int32_t> suppressed_;
  int max_listed_ = 0;
  std::unique_ptr<PhraseConstraints> phrases_;  // or null
  std::unique_ptr<TokenSampler> sampler_;       // where it samples

  // Of the live hypotheses; `histories_` is [beam_size, stride_].
  size_t stride_ = 0;
  size_t history_size_ = 0;
  std::vector<int32_t> histories_;
  std::vector<int32_t> next_histories_;
  std::vector<PhraseProgress> progress_;

  // The step.
  std::vector<Entry> entries_;        // of one row
  std::vector<int32_t> with_phrase_;  // a history, and a phrase behind it
  std::vector<float> kept_logits_;    // of a completion
  std::vector<int32_t> with_token_;   // a history, and a token behind it
  std::vector<PhraseOption> options_of_step_;
  std::vector<kernels::BeamCandidate> candidates_;
  std::vector<PhraseProgress> next_progress_;
  std::vector<PhraseOption> ungrouped_;
  std::vector<int32_t> group_tokens_;  // that groups of this step have taken
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SENTENCE_STEERING_H_
