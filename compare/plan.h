#ifndef PEREGRINE_COMPARE_PLAN_H_
#define PEREGRINE_COMPARE_PLAN_H_

#include <vector>

namespace peregrine::compare {

// How all models are asked to translate, in turn.
struct Setting {
  int beam_size = 1;
  int batch_size = 1;
};

inline bool operator==(const Setting& a, const Setting& b) {
  return a.beam_size == b.beam_size && a.batch_size == b.batch_size;
}

// The product, beam size by beam size in the order given; then batches of one
// with each beam size, which tell the latency, where they are not in it.
std::vector<Setting> MakeSettings(const std::vector<int>& beam_sizes,
                                  const std::vector<int>& batch_sizes);

// What a sentence costs under a setting, and how many are wanted in a round.
struct SettingCost {
  double seconds_per_sentence = 0;  // of all models together
  int wanted_sentences = 0;
};

// Sentences that show a setting as it is in the long run: twice the batch of
// all workers, for at the end of a run a batch empties; a few for a batch of
// one.
int WantedSentences(const Setting& setting, int num_workers);

// The sentences of each setting in a round, so that the rounds fill `seconds`:
// kMostRounds rounds with more sentences than wanted where there is time for
// that, else fewer rounds, and with kFewestRounds fewer sentences than wanted.
// A few each, even where time is too short for that.
std::vector<int> ChooseSentences(const std::vector<SettingCost>& costs,
                                 double seconds);

inline constexpr int kFewestRounds = 3;
inline constexpr int kMostRounds = 5;

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_PLAN_H_
