#include "compare/statistics.h"

#include <cmath>

#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

TEST(StatisticsTest, Percentiles) {
  EXPECT_DOUBLE_EQ(Median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(Median({4, 1, 2, 3}), 2.5);
  EXPECT_DOUBLE_EQ(Percentile({0, 10}, 0.99), 9.9);
  EXPECT_DOUBLE_EQ(Percentile({5}, 0.99), 5);
  EXPECT_TRUE(std::isnan(Median({})));
}

// The machine is half as fast in the second round: the ratio does not move.
TEST(StatisticsTest, RatiosAreTakenRoundByRound) {
  const Spread spread = SpreadOfRatios({200, 110, 210}, {100, 50, 100});
  EXPECT_DOUBLE_EQ(spread.median, 2.1);
  EXPECT_DOUBLE_EQ(spread.min, 2.0);
  EXPECT_DOUBLE_EQ(spread.max, 2.2);
}

}  // namespace
}  // namespace peregrine::compare
