#include "server/scheduling/wait_estimator.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

const absl::Time kStart = absl::UnixEpoch();

TEST(WaitEstimatorTest, KnowsNothingAtFirst) {
  EXPECT_EQ(WaitEstimator(1).Estimate(1000, kStart), absl::ZeroDuration());
}

TEST(WaitEstimatorTest, WorkersShareTheQueue) {
  WaitEstimator one(1), four(4);
  one.Observe(100, absl::Milliseconds(10), kStart);
  four.Observe(100, absl::Milliseconds(10), kStart);
  EXPECT_NEAR(absl::ToDoubleSeconds(one.Estimate(1000, kStart)), 0.1, 1e-9);
  EXPECT_NEAR(absl::ToDoubleSeconds(four.Estimate(1000, kStart)), 0.025, 1e-9);
}

TEST(WaitEstimatorTest, FollowsAChangeOfPace) {
  WaitEstimator estimator(1);
  absl::Time now = kStart;
  for (int i = 0; i < 1000; ++i) {
    estimator.Observe(100, absl::Milliseconds(10), now);
  }
  for (int i = 0; i < 500; ++i) {
    estimator.Observe(100, absl::Milliseconds(20), now);
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(estimator.Estimate(1000, now)), 0.2, 0.01);
}

TEST(WaitEstimatorTest, StepsWithoutAdmissionCount) {
  WaitEstimator estimator(1);
  estimator.Observe(100, absl::Milliseconds(10), kStart);
  estimator.Observe(0, absl::Milliseconds(10), kStart);
  EXPECT_NEAR(absl::ToDoubleSeconds(estimator.Estimate(1000, kStart)), 0.2,
              0.001);
}

TEST(WaitEstimatorTest, ForgetsWhatIsOld) {
  WaitEstimator estimator(1);
  estimator.Observe(100, absl::Seconds(100), kStart);
  EXPECT_GT(estimator.Estimate(1, kStart + absl::Seconds(2)),
            absl::ZeroDuration());
  EXPECT_EQ(estimator.Estimate(1, kStart + absl::Seconds(4)),
            absl::ZeroDuration());
}

}  // namespace
}  // namespace peregrine::server
