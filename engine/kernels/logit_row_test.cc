#include "engine/kernels/logit_row.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> RandomRow(int size, int seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 5.0f);
  std::vector<float> row(size);
  for (float& x : row) x = normal(random);
  return row;
}

TEST(LogitRowTest, SumsAndFindsTheLargestAsPlainLoopsDo) {
  for (int size : {1, 15, 16, 17, 511, 512, 513, 5000}) {
    std::vector<float> row = RandomRow(size, size);
    if (size > 2) row[1] = -kInfinity;
    const float largest = *std::max_element(row.begin(), row.end());
    EXPECT_EQ(LargestLogit(row), largest);
    double sum = 0.0;
    for (float x : row) sum += std::exp(double{x} - largest);
    EXPECT_NEAR(SumOfExponentials(row, largest), sum, 2e-6 * sum);
  }
  EXPECT_EQ(LargestLogit({}), -kInfinity);
  EXPECT_EQ(LargestLogit({-kInfinity, -kInfinity}), -kInfinity);
}

TEST(LogitRowTest, FindsTheBestInOrder) {
  std::vector<float> row = RandomRow(3000, 1);
  for (size_t i = 0; i < row.size(); i += 7) row[i] = row[(i + 700) % 3000];
  row[5] = -kInfinity;
  std::vector<int32_t> order(row.size());
  for (size_t i = 0; i < row.size(); ++i) order[i] = static_cast<int32_t>(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return row[a] > row[b]; });
  for (int k : {1, 4, 16, 64, 200}) {
    std::vector<float> values(k);
    std::vector<int32_t> indices(k);
    BestLogits(row, k, values.data(), indices.data());
    for (int i = 0; i < k; ++i) {
      EXPECT_EQ(indices[i], order[i]);
      EXPECT_EQ(values[i], row[order[i]]);
    }
  }
}

TEST(LogitRowTest, WhatIsMissingIsMarked) {
  float values[3];
  int32_t indices[3];
  BestLogits({-kInfinity, 2.0f, -kInfinity}, 3, values, indices);
  EXPECT_EQ(indices[0], 1);
  EXPECT_EQ(indices[1], -1);
  EXPECT_EQ(indices[2], -1);
  EXPECT_EQ(values[2], -kInfinity);
}

}  // namespace
}  // namespace peregrine::kernels
