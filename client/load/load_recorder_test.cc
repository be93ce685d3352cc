#include "client/load/load_recorder.h"

#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const absl::Time kStart = absl::FromUnixSeconds(1000);

absl::Time At(double seconds) { return kStart + absl::Seconds(seconds); }

RequestOutcome Outcome(double due, double done) {
  RequestOutcome outcome;
  outcome.due = At(due);
  outcome.sent = At(due);
  outcome.done = At(done);
  outcome.counts.requests = 1;
  outcome.counts.target_tokens = 10;
  return outcome;
}

TEST(LoadRecorderTest, LatencyBelongsWhereItWasDueThroughputWhereAnswered) {
  LoadRecorder recorder(At(0), At(4), 4);
  recorder.Record(Outcome(0.5, 2.5));
  EXPECT_EQ(recorder.windows()[0].latency.count(), 1);
  EXPECT_EQ(recorder.windows()[0].latency.max(), absl::Seconds(2));
  EXPECT_EQ(recorder.windows()[0].answered.requests, 0);
  EXPECT_EQ(recorder.windows()[2].latency.count(), 0);
  EXPECT_EQ(recorder.windows()[2].answered.requests, 1);
  EXPECT_EQ(recorder.windows()[2].answered.target_tokens, 10);
}

TEST(LoadRecorderTest, WarmUpAndAfterwardsAreNoPart) {
  LoadRecorder recorder(At(0), At(4), 4);
  recorder.Record(Outcome(-1, -0.5));
  recorder.Record(Outcome(4, 5));
  recorder.Record(Outcome(-1, 0.5));  // answered in the measured time
  recorder.Record(Outcome(3.5, 9));   // due in it
  recorder.RecordUnsent(At(-1));
  LoadWindow all;
  for (const LoadWindow& window : recorder.windows()) all.Add(window);
  EXPECT_EQ(all.answered.requests, 1);
  EXPECT_EQ(all.latency.count(), 1);
  EXPECT_EQ(all.latency.max(), absl::Seconds(5.5));
  EXPECT_EQ(all.unsent, 0);
}

TEST(LoadRecorderTest, LatencyCountsFromTheTimeThatWasDue) {
  LoadRecorder recorder(At(0), At(4), 1);
  RequestOutcome outcome = Outcome(1, 2);
  outcome.sent = At(1.75);
  outcome.queue = absl::Milliseconds(10);
  outcome.encode = absl::Milliseconds(20);
  outcome.decode = absl::Milliseconds(30);
  recorder.Record(outcome);
  const LoadWindow& window = recorder.windows()[0];
  EXPECT_EQ(window.latency.max(), absl::Seconds(1));
  EXPECT_EQ(window.send_delay.max(), absl::Milliseconds(750));
  EXPECT_EQ(window.network.max(), absl::Milliseconds(940));
}

TEST(LoadRecorderTest, FailuresCountByTheirCodeAndHaveNoLatency) {
  LoadRecorder recorder(At(0), At(4), 1);
  RequestOutcome failed = Outcome(1, 2);
  failed.code = absl::StatusCode::kDeadlineExceeded;
  recorder.Record(failed);
  recorder.Record(failed);
  recorder.Record(Outcome(1, 2));
  recorder.RecordUnsent(At(1));
  const LoadWindow& window = recorder.windows()[0];
  EXPECT_THAT(window.outcomes,
              ElementsAre(Pair(absl::StatusCode::kOk, 1),
                          Pair(absl::StatusCode::kDeadlineExceeded, 2)));
  EXPECT_EQ(window.latency.count(), 1);
  EXPECT_EQ(window.answered.requests, 1);
  EXPECT_EQ(window.unsent, 1);
}

TEST(EndOfTransientTest, CutsOffABeginningThatDiffers) {
  EXPECT_EQ(EndOfTransient({9, 5, 2, 1, 1.1, 0.9, 1, 1, 1.1, 0.9}), 3u);
  EXPECT_EQ(EndOfTransient({1, 1, 1, 1}), 0u);
  EXPECT_EQ(EndOfTransient({1}), 0u);
  EXPECT_EQ(EndOfTransient({}), 0u);
}

TEST(EndOfTransientTest, AStallInTheMiddleOrAtTheEndStays) {
  EXPECT_EQ(EndOfTransient({1, 1, 1, 1, 1, 1, 1, 9, 1, 1}), 0u);
  EXPECT_LE(EndOfTransient({1, 1, 1, 1, 1, 1, 1, 1, 1, 9}), 5u);
}

TEST(DriftsTest, TellsATrendFromNoise) {
  std::mt19937 random(1);
  std::normal_distribution<double> noise(100, 20);
  std::vector<double> flat, rising;
  for (int i = 0; i < 20; ++i) {
    flat.push_back(noise(random));
    rising.push_back(noise(random) + 10 * i);
  }
  EXPECT_FALSE(Drifts(flat, 0.05));
  EXPECT_TRUE(Drifts(rising, 0.05));
  EXPECT_FALSE(Drifts({100, 100, 104, 104}, 0.05)) << "within the tolerance";
  EXPECT_TRUE(Drifts({100, 100, 108, 108}, 0.05));
}

// The queue of an open loop above the server's capacity grows without end.
TEST(FindSteadyStateTest, AnOverloadedServerIsNotSteady) {
  std::vector<LoadWindow> steady(20), overloaded(20);
  for (int i = 0; i < 20; ++i) {
    steady[i].answered.requests = overloaded[i].answered.requests = 50 + i % 3;
    steady[i].latency.Add(absl::Milliseconds(20 + i % 2));
    overloaded[i].latency.Add(absl::Milliseconds(20 + 100 * i));
  }
  EXPECT_TRUE(FindSteadyState(steady, 0.1).steady);
  EXPECT_EQ(FindSteadyState(steady, 0.1).first_window, 0u);
  EXPECT_FALSE(FindSteadyState(overloaded, 0.1).steady);
}

TEST(FindSteadyStateTest, NothingAnsweredIsNotSteady) {
  EXPECT_FALSE(FindSteadyState(std::vector<LoadWindow>(20), 0.1).steady);
}

}  // namespace
}  // namespace peregrine::client
