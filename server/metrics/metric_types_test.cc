#include "server/metrics/metric_types.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;

TEST(CounterTest, SumsOverThreads) {
  Counter counter;
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) counter.Add(2);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 40000);
}

TEST(HistogramTest, UpperBoundsAreInclusive) {
  Histogram histogram({1, 2, 4});
  for (double value : {0.5, 1.0, 1.5, 2.0, 4.0, 5.0}) histogram.Observe(value);
  const Histogram::Snapshot snapshot = histogram.snapshot();
  EXPECT_THAT(snapshot.cumulative, ElementsAre(2, 4, 5, 6));
  EXPECT_DOUBLE_EQ(snapshot.sum, 14);
}

TEST(HistogramTest, SumsOverThreads) {
  Histogram histogram({1, 2});
  std::vector<std::thread> threads;
  for (int t = 0; t < 20; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) histogram.Observe(1.5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(histogram.snapshot().cumulative, ElementsAre(0, 20000, 20000));
  EXPECT_DOUBLE_EQ(histogram.snapshot().sum, 30000);
}

TEST(BoundsTest, AreWhatTheDesignSays) {
  const std::vector<double> latency = LatencyBounds();
  EXPECT_LE(latency.size(), Histogram::kMaxBounds);
  EXPECT_DOUBLE_EQ(latency.front(), 0.0005);
  EXPECT_DOUBLE_EQ(latency.back(), 60);
  for (size_t i = 1; i + 1 < latency.size(); ++i) {
    EXPECT_DOUBLE_EQ(latency[i], 1.5 * latency[i - 1]);
  }
  EXPECT_LE(TokenLatencyBounds().size(), Histogram::kMaxBounds);
  EXPECT_THAT(PowersOfTwo(8), ElementsAre(1, 2, 4, 8));
}

}  // namespace
}  // namespace peregrine::server
