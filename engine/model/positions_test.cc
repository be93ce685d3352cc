#include "engine/model/positions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace peregrine::model {
namespace {

constexpr int kDim = 8;

TEST(PositionsTest, ConcatenatedHasSinesThenCosines) {
  const auto table =
      SinusoidalPositions(PositionEncoding::kSinusoidalConcatenated, 12, kDim);
  ASSERT_EQ(table.size(), 12u * kDim);
  for (int i = 0; i < 4; ++i) {
    const double angle = 11 / std::pow(10000.0, i / 3.0);
    EXPECT_FLOAT_EQ(table[11 * kDim + i], std::sin(angle)) << i;
    EXPECT_FLOAT_EQ(table[11 * kDim + 4 + i], std::cos(angle)) << i;
  }
}

TEST(PositionsTest, InterleavedAlternates) {
  const auto table =
      SinusoidalPositions(PositionEncoding::kSinusoidalInterleaved, 12, kDim);
  for (int i = 0; i < 4; ++i) {
    const double angle = 11 / std::pow(10000.0, 2.0 * i / kDim);
    EXPECT_FLOAT_EQ(table[11 * kDim + 2 * i], std::sin(angle)) << i;
    EXPECT_FLOAT_EQ(table[11 * kDim + 2 * i + 1], std::cos(angle)) << i;
  }
}

TEST(PositionsTest, SplitHasTheFrequenciesOfInterleaved) {
  const auto table =
      SinusoidalPositions(PositionEncoding::kSinusoidalSplit, 12, kDim);
  for (int i = 0; i < 4; ++i) {
    const double angle = 11 / std::pow(10000.0, 2.0 * i / kDim);
    EXPECT_FLOAT_EQ(table[11 * kDim + i], std::sin(angle)) << i;
    EXPECT_FLOAT_EQ(table[11 * kDim + 4 + i], std::cos(angle)) << i;
  }
}

TEST(PositionsTest, SmallestDimension) {
  const auto table =
      SinusoidalPositions(PositionEncoding::kSinusoidalConcatenated, 3, 2);
  EXPECT_FLOAT_EQ(table[4], std::sin(2.0f));
  EXPECT_FLOAT_EQ(table[5], std::cos(2.0f));
}

}  // namespace
}  // namespace peregrine::model
