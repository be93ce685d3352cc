#include "engine/decode/beam_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>

namespace peregrine::decode {
namespace {

using model::LengthLimit;
using model::Stopping;
using testing::ElementsAre;

constexpr int32_t kEos = 0;
constexpr int32_t kStart = 1;
constexpr float kNever = -std::numeric_limits<float>::infinity();

// A language of few tokens whose log-probabilities depend on the whole prefix.
class RandomLanguage {
 public:
  RandomLanguage(int vocab_size, unsigned seed)
      : vocab_size_(vocab_size), seed_(seed) {}

  std::vector<float> LogProbs(const std::vector<int32_t>& prefix) const {
    std::seed_seq sequence(prefix.begin(), prefix.end());
    std::vector<unsigned> mixed(1);
    sequence.generate(mixed.begin(), mixed.end());
    std::mt19937 random(mixed[0] ^ seed_);
    std::uniform_real_distribution<float> uniform(-4.0f, 0.0f);
    std::vector<float> log_probs(vocab_size_);
    for (float& log_prob : log_probs) log_prob = uniform(random);
    return log_probs;
  }

  int vocab_size() const { return vocab_size_; }

 private:
  const int vocab_size_;
  const unsigned seed_;
};

struct Continuation {
  float log_prob;
  int32_t token;
};

// What is added to the log-probabilities of the others where a token of this
// one has none (as if `log_probs` were those of a language, normalised).
float Renormalization(float log_prob) {
  return -std::log1p(-std::exp(std::min(log_prob, -0.1f)));
}

std::vector<Continuation> Sorted(const std::vector<float>& log_probs,
                                 const kernels::TokenConstraint& constraint) {
  const float added = constraint.forbidden_before_softmax
                          ? Renormalization(log_probs[constraint.forbidden])
                          : 0.0f;
  std::vector<Continuation> sorted;
  for (int32_t token = 0; token < static_cast<int32_t>(log_probs.size());
       ++token) {
    if (constraint.only >= 0 && token != constraint.only) continue;
    if (token == constraint.forbidden) continue;
    sorted.push_back({log_probs[token] + added, token});
  }
  std::stable_sort(
      sorted.begin(), sorted.end(),
      [](const auto& a, const auto& b) { return a.log_prob > b.log_prob; });
  return sorted;
}

// Drives `search` over `language`, as a session does over a model.
std::vector<Hypothesis> Search(const RandomLanguage& language,
                               const DecodingOptions& options) {
  BeamSearch search(options, kStart, kEos);
  std::vector<std::vector<int32_t>> prefixes(1);
  while (!search.finished()) {
    const int k = search.num_candidates();
    std::vector<float> log_probs(search.live().size() * k, kNever);
    std::vector<int32_t> tokens(search.live().size() * k, -1);
    for (size_t j = 0; j < search.live().size(); ++j) {
      const auto sorted =
          Sorted(language.LogProbs(prefixes[j]), search.constraint());
      for (size_t i = 0; i < std::min<size_t>(sorted.size(), k); ++i) {
        log_probs[j * k + i] = sorted[i].log_prob;
        tokens[j * k + i] = sorted[i].token;
      }
    }
    search.Advance(k, log_probs.data(), tokens.data());
    std::vector<std::vector<int32_t>> next;
    for (const BeamSearch::Live& live : search.live()) {
      next.push_back(prefixes[live.parent]);
      next.back().push_back(live.last_token);
    }
    prefixes = std::move(next);
  }
  return search.TakeHypotheses();
}

// The rules of docs/model-format.md once more, in the plainest way: whole
// prefixes, whole sorts.
std::vector<Hypothesis> SearchPlainly(const RandomLanguage& language,
                                      const DecodingOptions& options) {
  struct Open {
    std::vector<int32_t> tokens;
    double score;
  };
  struct Candidate {
    size_t open;
    int32_t token;
    double score;
  };
  std::vector<Open> open{{{}, 0.0}};
  std::vector<std::pair<double, Hypothesis>> finished;
  const size_t beam_size = options.beam_size;
  const bool cut =
      options.rules.length_limit == LengthLimit::kCut && options.max_length > 0;
  const int last_step = cut ? options.max_length - 1 : options.max_length;
  const auto normalized = [&](double score, int length) {
    const double penalty = static_cast<double>(options.rules.word_penalty);
    return (score - penalty * length) /
           std::pow(length, options.length_penalty);
  };
  for (int t = 0; t <= last_step; ++t) {
    std::vector<Candidate> candidates;
    for (size_t j = 0; j < open.size(); ++j) {
      const std::vector<float> log_probs = language.LogProbs(open[j].tokens);
      for (int32_t token = 0; token < language.vocab_size(); ++token) {
        float log_prob = log_probs[token];
        if (t == last_step && !cut) {
          if (token != kEos) continue;
          if (options.rules.length_limit == LengthLimit::kForcedEos)
            log_prob = 0;
        } else if (t == 0 && options.rules.forced_first_token >= 0) {
          if (token != options.rules.forced_first_token) continue;
          log_prob = 0;
        } else if (t < options.min_length) {
          if (token == kEos) continue;
          if (options.rules.renormalize_min_length) {
            log_prob += Renormalization(log_probs[kEos]);
          }
        }
        candidates.push_back({j, token, open[j].score + log_prob});
      }
    }
    std::stable_sort(
        candidates.begin(), candidates.end(),
        [](const auto& a, const auto& b) { return a.score > b.score; });
    const bool shrinks = options.rules.stopping == Stopping::kShrinkingBeam;
    const size_t places = shrinks ? beam_size - finished.size() : beam_size;
    const size_t considered = shrinks ? places : 2 * beam_size;
    if (candidates.size() > considered) candidates.resize(considered);
    std::vector<Open> next;
    std::vector<std::pair<double, Hypothesis>> ended;
    const bool end_must_lead = options.rules.ends_behind_prefix_if_best &&
                               options.rules.forced_first_token >= 0 && t == 1;
    size_t room = beam_size;
    for (size_t rank = 0; rank < candidates.size(); ++rank) {
      const Candidate& candidate = candidates[rank];
      std::vector<int32_t> sequence = open[candidate.open].tokens;
      if (candidate.token != kEos) sequence.push_back(candidate.token);
      if (candidate.token == kEos && end_must_lead && rank > 0) {
        if (rank < (shrinks ? places : beam_size)) --room;
      } else if (candidate.token != kEos && !(cut && t == last_step)) {
        if (next.size() < room) next.push_back({sequence, candidate.score});
      } else if (rank < beam_size) {
        const double score = normalized(candidate.score, t + 1);
        const bool truncated =
            t == last_step && (!cut || candidate.token != kEos);
        ended.push_back(
            {score, {sequence, static_cast<float>(score), truncated}});
      }
    }
    finished.insert(finished.end(), ended.begin(), ended.end());
    if (options.rules.stopping != Stopping::kFirstFinished) {
      std::stable_sort(
          finished.begin(), finished.end(),
          [](const auto& a, const auto& b) { return a.first > b.first; });
    }
    if (finished.size() > beam_size) finished.resize(beam_size);
    open = std::move(next);
    if (open.empty()) break;
    if (finished.size() < beam_size) continue;
    int length = t + 1;
    if (options.rules.stopping == Stopping::kNever &&
        options.length_penalty > 0) {
      length = last_step + 1;
    }
    if (beam_size == 1 || options.rules.stopping == Stopping::kFirstFinished ||
        options.rules.stopping == Stopping::kBestFinished ||
        options.rules.stopping == Stopping::kShrinkingBeam ||
        normalized(open[0].score, length) <= finished.back().first) {
      break;
    }
  }
  std::stable_sort(
      finished.begin(), finished.end(),
      [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Hypothesis> hypotheses;
  for (const auto& [score, hypothesis] : finished) {
    if (hypotheses.size() < static_cast<size_t>(options.num_hypotheses)) {
      hypotheses.push_back(hypothesis);
    }
  }
  return hypotheses;
}

TEST(BeamSearchTest, FindsWhatThePlainSearchFinds) {
  std::mt19937 random(7);
  const auto pick = [&](int min, int max) {
    return std::uniform_int_distribution<int>(min, max)(random);
  };
  for (int round = 0; round < 3000; ++round) {
    const RandomLanguage language(pick(2, 12), random());
    DecodingOptions options;
    options.beam_size = pick(1, 6);
    options.num_hypotheses = pick(1, options.beam_size);
    options.length_penalty = 0.5f * pick(-2, 4);
    options.max_length = pick(0, 10);
    options.min_length = pick(0, options.max_length);
    options.rules.stopping = static_cast<Stopping>(pick(0, 4));
    options.rules.length_limit = static_cast<LengthLimit>(pick(0, 2));
    options.rules.renormalize_min_length = pick(0, 1) != 0;
    options.rules.word_penalty = 0.25f * pick(-2, 2);
    options.rules.ends_behind_prefix_if_best = pick(0, 1) != 0;
    if (pick(0, 2) == 0) {
      options.rules.forced_first_token = pick(1, language.vocab_size() - 1);
    }
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ": vocabulary "
                 << language.vocab_size() << ", beam " << options.beam_size
                 << ", lengths " << options.min_length << " to "
                 << options.max_length);
    const std::vector<Hypothesis> expected = SearchPlainly(language, options);
    const std::vector<Hypothesis> found = Search(language, options);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].tokens, expected[i].tokens) << "hypothesis " << i;
      EXPECT_FLOAT_EQ(found[i].score, expected[i].score) << "hypothesis " << i;
      EXPECT_EQ(found[i].truncated, expected[i].truncated)
          << "hypothesis " << i;
    }
  }
}

TEST(BeamSearchTest, GreedyTakesTheBestTokenUntilEos) {
  DecodingOptions options;
  options.max_length = 5;
  options.length_penalty = 1.0f;
  BeamSearch search(options, kStart, kEos);
  EXPECT_EQ(search.live()[0].last_token, kStart);
  const std::vector<float> first{-0.5f, -1.5f};
  const std::vector<int32_t> first_tokens{7, kEos};
  search.Advance(2, first.data(), first_tokens.data());
  ASSERT_FALSE(search.finished());
  EXPECT_EQ(search.live()[0].last_token, 7);
  const std::vector<float> second{-0.25f, -2.0f};
  const std::vector<int32_t> second_tokens{kEos, 7};
  search.Advance(2, second.data(), second_tokens.data());
  ASSERT_TRUE(search.finished());
  const std::vector<Hypothesis> hypotheses = search.TakeHypotheses();
  ASSERT_EQ(hypotheses.size(), 1u);
  EXPECT_THAT(hypotheses[0].tokens, ElementsAre(7));
  EXPECT_FLOAT_EQ(hypotheses[0].score, -0.75f / 2);
  EXPECT_FALSE(hypotheses[0].truncated);
}

TEST(BeamSearchTest, MaximumLengthLeavesOnlyEosAndIsFlagged) {
  DecodingOptions options;
  options.max_length = 1;
  BeamSearch search(options, kStart, kEos);
  EXPECT_EQ(search.constraint().only, -1);
  const std::vector<float> log_probs{-0.5f, -1.5f};
  const std::vector<int32_t> tokens{7, 8};
  search.Advance(2, log_probs.data(), tokens.data());
  EXPECT_EQ(search.constraint().only, kEos);
  const std::vector<float> last{-3.0f, kNever};
  const std::vector<int32_t> last_tokens{kEos, -1};
  search.Advance(2, last.data(), last_tokens.data());
  ASSERT_TRUE(search.finished());
  EXPECT_TRUE(search.TakeHypotheses()[0].truncated);
}

TEST(BeamSearchTest, MinimumLengthForbidsEos) {
  DecodingOptions options;
  options.min_length = 1;
  options.max_length = 3;
  BeamSearch search(options, kStart, kEos);
  EXPECT_EQ(search.constraint().forbidden, kEos);
  const std::vector<float> log_probs{-0.5f, -1.5f};
  const std::vector<int32_t> tokens{7, 8};
  search.Advance(2, log_probs.data(), tokens.data());
  EXPECT_EQ(search.constraint().forbidden, -1);
}

TEST(BeamSearchTest, TiesGoToTheLowerHypothesis) {
  DecodingOptions options;
  options.beam_size = 2;
  options.max_length = 9;
  BeamSearch search(options, kStart, kEos);
  const std::vector<float> first{-1.0f, -1.0f, -2.0f, -3.0f};
  const std::vector<int32_t> first_tokens{4, 5, 6, 7};
  search.Advance(4, first.data(), first_tokens.data());
  const std::vector<float> second{-1.0f, -9.0f, -9.0f, -9.0f,
                                  -1.0f, -9.0f, -9.0f, -9.0f};
  const std::vector<int32_t> second_tokens{9, 2, 3, 4, 8, 2, 3, 4};
  search.Advance(4, second.data(), second_tokens.data());
  EXPECT_EQ(search.live()[0].parent, 0);
  EXPECT_EQ(search.live()[0].last_token, 9);
  EXPECT_EQ(search.live()[1].parent, 1);
  EXPECT_EQ(search.live()[1].last_token, 8);
}

}  // namespace
}  // namespace peregrine::decode
