#include "server/scheduling/service_estimator.h"

#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

TEST(ServiceEstimatorTest, KnowsNothingAtFirst) {
  const ServiceEstimator service;
  EXPECT_EQ(service.Time(10, 5), absl::ZeroDuration());
  EXPECT_EQ(service.MaxRows(10, absl::Milliseconds(1)), kInfinity);
  EXPECT_EQ(service.MinEfficientRows(), kInfinity);
  EXPECT_EQ(service.StepsOfLong(), 0);
}

// Steps of 2 ms and 0.1 ms for each row, give or take a fifth.
TEST(ServiceEstimatorTest, LearnsWhatAStepAndARowTake) {
  ServiceEstimator service;
  std::mt19937 random(1);
  std::uniform_real_distribution<> noise(0.8, 1.2);
  for (int i = 0; i < 1000; ++i) {
    const int rows = 1 + static_cast<int>(random() % 100);
    service.ObserveStep(rows,
                        absl::Milliseconds((2 + 0.1 * rows) * noise(random)));
  }
  EXPECT_NEAR(Milliseconds(service.Time(10, 50)), 70, 4);
  EXPECT_NEAR(Milliseconds(service.Time(10, 200)), 220, 20);
  EXPECT_NEAR(service.MaxRows(10, absl::Milliseconds(70)), 50, 4);
  EXPECT_NEAR(service.MinEfficientRows(), 20, 4);
  EXPECT_EQ(service.MaxRows(1000, absl::Milliseconds(70)), 0);
}

TEST(ServiceEstimatorTest, FollowsAChange) {
  ServiceEstimator service;
  for (int i = 0; i < 1000; ++i) {
    service.ObserveStep(1 + i % 50, absl::Milliseconds(2));
  }
  for (int i = 0; i < 1000; ++i) {
    service.ObserveStep(1 + i % 50, absl::Milliseconds(10));
  }
  EXPECT_NEAR(Milliseconds(service.Time(1, 25)), 10, 0.5);
}

TEST(ServiceEstimatorTest, RowsThatNeverVariedTakeAllTheTime) {
  ServiceEstimator service;
  for (int i = 0; i < 100; ++i) service.ObserveStep(8, absl::Milliseconds(4));
  EXPECT_NEAR(Milliseconds(service.Time(1, 8)), 4, 0.01);
  EXPECT_NEAR(Milliseconds(service.Time(1, 16)), 8, 0.1);
}

TEST(ServiceEstimatorTest, RowsThatCostNothingAreNotLimited) {
  ServiceEstimator service;
  for (int i = 0; i < 100; ++i) {
    service.ObserveStep(10, absl::Milliseconds(4));
    service.ObserveStep(40, absl::Milliseconds(3));
  }
  EXPECT_EQ(service.MaxRows(10, absl::Milliseconds(100)), kInfinity);
  EXPECT_EQ(service.MaxRows(10, absl::Milliseconds(10)), 0);
}

TEST(ServiceEstimatorTest, LearnsHowManyStepsASourceTakes) {
  ServiceEstimator service;
  EXPECT_EQ(service.Steps(20, 100), 20);
  for (int i = 0; i < 500; ++i) service.ObserveSentence(20, i % 2 ? 20 : 40);
  // 1.5 times the source, and half a source more or less.
  EXPECT_NEAR(service.Steps(20, 100), 40, 1);
  EXPECT_EQ(service.Steps(20, 25), 25);
}

TEST(ServiceEstimatorTest, ALongSentenceIsLongAmongThoseThatCome) {
  ServiceEstimator service;
  service.ObserveSentence(10, 20);
  for (int i = 0; i < 500; ++i) service.ObserveArrival(i % 2 ? 10 : 30);
  EXPECT_NEAR(service.StepsOfLong(), 2 * (20 + 3 * 10), 2);
}

TEST(ServiceEstimatorTest, TheUsualDeadlineIsOfThoseThatHaveOne) {
  ServiceEstimator service;
  EXPECT_EQ(service.UsualDeadline(), absl::InfiniteDuration());
  for (int i = 0; i < 500; ++i) {
    service.ObserveArrival(20);
    if (i % 10 == 0) service.ObserveDeadline(absl::Milliseconds(400));
  }
  EXPECT_NEAR(Milliseconds(service.UsualDeadline()), 400, 1e-6);
  for (int i = 0; i < 2000; ++i) service.ObserveArrival(20);
  EXPECT_EQ(service.UsualDeadline(), absl::InfiniteDuration());
}

TEST(ServiceEstimatorTest, TheUsualDeadlineIsCloseToShortOnes) {
  ServiceEstimator service;
  service.ObserveDeadline(absl::Milliseconds(500));
  service.ObserveDeadline(absl::Seconds(60));
  EXPECT_NEAR(Milliseconds(service.UsualDeadline()), 1000, 20);
}

}  // namespace
}  // namespace peregrine::server
