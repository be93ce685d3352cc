#include "engine/model/positions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

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

// The distances at which a bucket begins, by T5Attention of transformers.
TEST(PositionsTest, BucketsAreThoseOfTransformers) {
  struct Case {
    DistanceBuckets buckets;
    bool is_encoder;
    std::vector<int> begins;
  };
  const Case cases[] = {
      {{32, 128},
       true,
       {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91}},
      {{32, 128}, false, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                          11, 12, 13, 14, 15, 16, 19, 21, 24, 27, 31,
                          35, 40, 46, 52, 59, 67, 77, 87, 99, 113}},
      {{16, 24}, true, {0, 1, 2, 3, 4, 7, 10, 16}},
      {{16, 24},
       false,
       {0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 14, 16, 19, 21}},
      {{8, 100}, true, {0, 1, 2, 15}},
      {{8, 100}, false, {0, 1, 2, 3, 4, 9, 20, 45}},
      {{48, 97}, true, {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                        12, 15, 17, 21, 25, 29, 35, 41, 49, 58, 69, 82}},
  };
  for (const Case& one : cases) {
    const auto bucket = [&](int distance) {
      return BucketOfDistance(one.buckets, one.is_encoder, distance);
    };
    std::vector<int> begins = {0};
    for (int distance = 1; distance <= 400; ++distance) {
      if (bucket(-distance) != bucket(1 - distance)) begins.push_back(distance);
      // Keys behind the query have the second half, or none at all.
      EXPECT_EQ(
          bucket(distance),
          one.is_encoder ? bucket(-distance) + one.buckets.num_buckets / 2 : 0);
    }
    EXPECT_EQ(begins, one.begins);
    EXPECT_EQ(bucket(-400), static_cast<int>(begins.size()) - 1);
  }
}

TEST(PositionsTest, TheTableOfDistancesHasAllHeads) {
  const DistanceBuckets buckets = {4, 3};
  const std::vector<float> by_bucket = {0, 10, 1, 11, 2, 12, 3, 13};
  EXPECT_EQ(DistanceTable(buckets, false, 2, by_bucket),
            (std::vector<float>{3, 2, 1, 0, 0, 0, 0,  //
                                13, 12, 11, 10, 10, 10, 10}));
  EXPECT_EQ(DistanceTable(buckets, true, 2, by_bucket),
            (std::vector<float>{1, 1, 1, 0, 3, 3, 3,  //
                                11, 11, 11, 10, 13, 13, 13}));
}

}  // namespace
}  // namespace peregrine::model
