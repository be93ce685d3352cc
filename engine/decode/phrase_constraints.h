#ifndef PEREGRINE_ENGINE_DECODE_PHRASE_CONSTRAINTS_H_
#define PEREGRINE_ENGINE_DECODE_PHRASE_CONSTRAINTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"

namespace peregrine::decode {

// How far a hypothesis is with the phrases that it must hold.
struct PhraseProgress {
  uint64_t met = 0;          // bit by phrase, those begun among them
  int begun = -1;            // the phrase that it is inside of; -1: none
  int position = 0;          // tokens of it that are there
  double begun_score = 0.0;  // sum of log-probabilities with its first token
  int place = 0;             // of Steering::completion
  size_t taken = 0;  // tokens of its history up to its last phrase's end
};

// One way for a hypothesis to go on, with what becomes of its phrases.
struct PhraseOption {
  double rank = 0.0;   // what options of a bank are ordered by
  double score = 0.0;  // sum of log-probabilities
  int hypothesis = 0;
  int32_t token = 0;
  PhraseProgress progress;
};

// Phrases that a translation must hold: which options there are at a step, and
// which of them a beam takes. Dynamic beam allocation (Post and Vilar 2018; Hu
// et al. 2019) over whole phrases: hypotheses with as many phrases, a begun one
// counted, share a bank, and the places of a beam go round the banks. A phrase
// that was begun is finished at once, so that hypotheses that begin it at
// different places can be compared by what it cost there in all. No hypothesis
// ends before it has all, as long as max_length allows them.
class PhraseConstraints {
 public:
  // At most Steering::kMaxPhrases, none empty.
  PhraseConstraints(const std::vector<std::vector<int32_t>>& phrases,
                    bool in_order);

  bool IsComplete(const PhraseProgress& progress) const {
    return progress.begun < 0 && progress.met == all_;
  }
  // For so many options in a step Allocate needs no memory.
  void Reserve(size_t options) { stripes_.reserve(options); }

  // Whether `token` is one of the phrases that may begin.
  bool IsWhole(const PhraseProgress& progress, int32_t token) const {
    bool is_whole = false;
    ForEachBeginning(progress, [&](int phrase) {
      is_whole = is_whole ||
                 (phrases_[phrase].size() == 1 && phrases_[phrase][0] == token);
    });
    return is_whole;
  }

  // Phrases that have not begun.
  int NumLeft(const PhraseProgress& progress) const {
    return static_cast<int>(phrases_.size()) -
           __builtin_popcountll(progress.met);
  }

  // Tokens that are still missing.
  int NumMissing(const PhraseProgress& progress) const;

  // The token that must follow; -1: any.
  int32_t ForcedToken(const PhraseProgress& progress) const;

  // Calls begin(phrase) for each that may begin now: of equal ones, the first.
  template <class Begin>
  void ForEachBeginning(const PhraseProgress& progress, Begin begin) const {
    if (progress.begun >= 0) return;
    for (size_t i = 0; i < phrases_.size(); ++i) {
      if (IsMet(progress, i)) continue;
      const int earlier = earlier_equal_[i];
      if (earlier < 0 || IsMet(progress, earlier)) begin(static_cast<int>(i));
      if (in_order_) return;
    }
  }
  absl::Span<const int32_t> Tokens(int phrase) const {
    return phrases_[phrase];
  }
  int32_t FirstToken(int phrase) const { return phrases_[phrase][0]; }

  // What becomes of a hypothesis of `size` tokens with one more, which begins
  // `phrase` and has `score` with it, or is the forced one.
  PhraseProgress Begin(const PhraseProgress& progress, int phrase, size_t size,
                       double score) const;
  PhraseProgress Follow(const PhraseProgress& progress, size_t size) const;
  // With `token` of its own accord, after `history`. False: the phrase that it
  // would spell has been there often enough, or its turn has not come.
  bool Add(absl::Span<const int32_t> history, int32_t token,
           PhraseProgress& progress) const;

  // The rank of an option with this score: inside of a phrase and when it
  // begins, what the rest of the phrase has cost elsewhere is counted already.
  double Rank(const PhraseProgress& progress, double score) const;
  // Remembers what a phrase cost behind its first token.
  void Learn(const PhraseProgress& before, double score);

  // Puts the best `count` of `options` first and cuts the others: the best of
  // each bank in turn, banks by their best.
  void Allocate(size_t count, std::vector<PhraseOption>& options);

 private:
  bool IsMet(const PhraseProgress& progress, size_t phrase) const {
    return (progress.met >> phrase & 1) != 0;
  }
  static bool Ends(absl::Span<const int32_t> history, int32_t token,
                   const std::vector<int32_t>& phrase);

  const std::vector<std::vector<int32_t>> phrases_;
  const bool in_order_;
  const uint64_t all_;
  std::vector<int> earlier_equal_;   // by phrase: the last equal one before
  std::vector<double> tail_scores_;  // best so far; 0: not known
  std::vector<int> placed_;          // options by bank
  std::vector<int> stripes_;         // by option
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_PHRASE_CONSTRAINTS_H_
