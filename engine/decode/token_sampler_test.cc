#include "engine/decode/token_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace peregrine::decode {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomLogits(int size, float spread, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> logits(size);
  for (float& logit : logits) logit = normal(random);
  return logits;
}

// The probability of each token by the definition, with a full sort.
std::vector<double> Probabilities(const std::vector<float>& logits,
                                  const Sampling& sampling) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return logits[a] > logits[b]; });
  size_t count = order.size();
  if (sampling.top_k > 0) count = std::min<size_t>(count, sampling.top_k);
  const auto weight = [&](size_t rank) {
    return std::exp((double{logits[order[rank]]} - logits[order[0]]) /
                    sampling.temperature);
  };
  double sum = 0.0;
  for (size_t i = 0; i < count; ++i) sum += weight(i);
  if (sampling.top_p < 1.0f) {
    double kept = 0.0;
    size_t likely = 0;
    while (likely < count && kept < sampling.top_p * sum) {
      kept += weight(likely++);
    }
    count = std::max<size_t>(likely, 1);
    sum = kept;
  }
  std::vector<double> probabilities(logits.size(), 0.0);
  for (size_t i = 0; i < count; ++i) probabilities[order[i]] = weight(i) / sum;
  return probabilities;
}

// Pearson's statistic over the tokens that should come five times or more, and
// all others together.
void ExpectDrawnFrom(const std::vector<float>& logits,
                     const Sampling& sampling) {
  constexpr int kDraws = 2000;
  const std::vector<double> expected = Probabilities(logits, sampling);
  TokenSampler sampler(sampling, static_cast<int>(logits.size()));
  std::vector<int> drawn(logits.size(), 0);
  for (int i = 0; i < kDraws; ++i) ++drawn[sampler.Draw(logits, i % 7, i / 7)];
  double statistic = 0.0;
  double rest_expected = 0.0;
  double rest_drawn = 0.0;
  int cells = 0;
  const auto add = [&](double wanted, double found) {
    statistic += (found - wanted) * (found - wanted) / wanted;
    ++cells;
  };
  for (size_t token = 0; token < logits.size(); ++token) {
    const double wanted = expected[token] * kDraws;
    if (wanted == 0.0) {
      EXPECT_EQ(drawn[token], 0) << token;
    } else if (wanted < 5.0) {
      rest_expected += wanted;
      rest_drawn += drawn[token];
    } else {
      add(wanted, drawn[token]);
    }
  }
  if (rest_expected >= 5.0) add(rest_expected, rest_drawn);
  // Normal for many cells: six standard deviations.
  EXPECT_LT(statistic, cells + 6.0 * std::sqrt(2.0 * cells) + 6.0)
      << "top_k " << sampling.top_k << " top_p " << sampling.top_p
      << " temperature " << sampling.temperature;
}

TEST(TokenSamplerTest, DrawsFromTheDistributionThatIsDefined) {
  for (const float spread : {0.5f, 4.0f}) {
    std::vector<float> logits = RandomLogits(1500, spread, 1);
    logits[7] = -kInfinity;
    for (const int top_k : {0, 1, 10, 65, 5000}) {
      for (const float top_p : {1.0f, 0.9f, 0.3f}) {
        for (const float temperature : {1.0f, 2.5f}) {
          Sampling sampling;
          sampling.top_k = top_k;
          sampling.top_p = top_p;
          sampling.temperature = temperature;
          sampling.seed = 11;
          ExpectDrawnFrom(logits, sampling);
        }
      }
    }
  }
}

TEST(TokenSamplerTest, OneTokenThatIsLeftAlwaysComes) {
  std::vector<float> logits(2000, -kInfinity);
  logits[1500] = -3.0f;
  for (const int top_k : {0, 5, 100}) {
    for (const float top_p : {1.0f, 0.5f}) {
      Sampling sampling;
      sampling.top_k = top_k;
      sampling.top_p = top_p;
      sampling.temperature = 100.0f;
      TokenSampler sampler(sampling, 2000);
      for (int step = 0; step < 100; ++step) {
        EXPECT_EQ(sampler.Draw(logits, 0, step), 1500);
      }
    }
  }
}

TEST(TokenSamplerTest, ExtremeTemperaturesDoNotOverflow) {
  const std::vector<float> logits = RandomLogits(3000, 30.0f, 3);
  Sampling cold;
  cold.temperature = 0.01f;
  TokenSampler greedy(cold, 3000);
  const auto best = static_cast<int32_t>(
      std::max_element(logits.begin(), logits.end()) - logits.begin());
  for (int step = 0; step < 100; ++step) {
    EXPECT_EQ(greedy.Draw(logits, 0, step), best);
  }
  Sampling hot;
  hot.temperature = 100.0f;
  TokenSampler random(hot, 3000);
  std::vector<int32_t> tokens;
  for (int step = 0; step < 100; ++step) {
    tokens.push_back(random.Draw(logits, 0, step));
  }
  std::sort(tokens.begin(), tokens.end());
  EXPECT_GT(std::unique(tokens.begin(), tokens.end()) - tokens.begin(), 90);
}

}  // namespace
}  // namespace peregrine::decode
