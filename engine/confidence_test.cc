#include "engine/confidence.h"

#include <gtest/gtest.h>

#include <cmath>

namespace peregrine {
namespace {

decode::Hypothesis WithScores(std::vector<float> scores, bool ended = true) {
  decode::Hypothesis hypothesis;
  hypothesis.tokens.assign(scores.size(), 5);
  hypothesis.token_scores = std::move(scores);
  // The end symbol's does not count.
  if (ended) hypothesis.token_scores.push_back(-30.0f);
  return hypothesis;
}

TEST(ConfidenceTest, FollowsItsFormula) {
  const model::ConfidenceConfig config = {1.0f, 2.0f, 0.5f, -0.25f};
  const double x = 1.0 + 2.0 * -1.0 + 0.5 * -1.5 - 0.25 * std::log(2.0);
  EXPECT_NEAR(Confidence(config, WithScores({-0.5f, -1.5f})),
              1.0 / (1.0 + std::exp(-x)), 1e-6);
  EXPECT_EQ(Confidence(config, WithScores({-0.5f, -1.5f})),
            Confidence(config, WithScores({-0.5f, -1.5f}, /*ended=*/false)));
}

TEST(ConfidenceTest, OfExtremes) {
  const model::ConfidenceConfig config = {0.0f, 1e6f, 0.0f, 0.0f};
  EXPECT_EQ(Confidence(config, WithScores({-100.0f})), 0.0f);
  EXPECT_EQ(Confidence(config, WithScores({0.0f})), 0.5f);
  // Nothing is no translation.
  EXPECT_EQ(Confidence(config, WithScores({})), 0.0f);
}

}  // namespace
}  // namespace peregrine
