#include "client/load/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

TEST(LatencyHistogramTest, EmptyIsZero) {
  const LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.mean(), absl::ZeroDuration());
  EXPECT_EQ(histogram.max(), absl::ZeroDuration());
  EXPECT_EQ(histogram.Percentile(0.5), absl::ZeroDuration());
}

TEST(LatencyHistogramTest, SmallValuesAreExact) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 100; ++i) histogram.Add(absl::Nanoseconds(i));
  EXPECT_EQ(histogram.Percentile(0), absl::Nanoseconds(1));
  EXPECT_EQ(histogram.Percentile(0.5), absl::Nanoseconds(50));
  EXPECT_EQ(histogram.Percentile(0.99), absl::Nanoseconds(99));
  EXPECT_EQ(histogram.Percentile(0.991), absl::Nanoseconds(100));
  EXPECT_EQ(histogram.Percentile(1), absl::Nanoseconds(100));
  EXPECT_EQ(histogram.mean(), absl::Nanoseconds(50.5));
}

// Against sorting, over values from a microsecond to a minute.
TEST(LatencyHistogramTest, PercentilesAreWithinOneIn256) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(3, 10.8);
  LatencyHistogram histogram;
  std::vector<double> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(std::floor(std::pow(10, exponent(random))));
    histogram.Add(absl::Nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const double fraction : {0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    const double exact =
        values[static_cast<std::size_t>(std::ceil(fraction * 20000)) - 1];
    const double found =
        absl::ToDoubleNanoseconds(histogram.Percentile(fraction));
    EXPECT_NEAR(found, exact, exact / 256) << fraction;
  }
  EXPECT_EQ(absl::ToDoubleNanoseconds(histogram.max()), values.back());
  EXPECT_EQ(absl::ToDoubleNanoseconds(histogram.min()), values.front());
}

TEST(LatencyHistogramTest, MergedIsAsIfCountedTogether) {
  LatencyHistogram low, high, both;
  for (int i = 1; i <= 1000; ++i) {
    low.Add(absl::Microseconds(i));
    high.Add(absl::Milliseconds(i));
    both.Add(absl::Microseconds(i));
    both.Add(absl::Milliseconds(i));
  }
  LatencyHistogram merged;
  merged.Merge(low);
  merged.Merge(high);
  merged.Merge(LatencyHistogram());
  EXPECT_EQ(merged.count(), 2000);
  EXPECT_EQ(merged.min(), absl::Microseconds(1));
  EXPECT_EQ(merged.max(), absl::Seconds(1));
  EXPECT_EQ(merged.mean(), both.mean());
  for (const double fraction : {0.01, 0.5, 0.51, 0.99}) {
    EXPECT_EQ(merged.Percentile(fraction), both.Percentile(fraction));
  }
}

TEST(LatencyHistogramTest, ValuesOutsideTheRangeCountAsItsEnds) {
  LatencyHistogram histogram;
  histogram.Add(-absl::Seconds(1));
  histogram.Add(absl::InfiniteDuration());
  EXPECT_EQ(histogram.min(), absl::ZeroDuration());
  EXPECT_EQ(histogram.max(), absl::Hours(2));
}

}  // namespace
}  // namespace peregrine::client
