#include "client/load/load_report.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace peregrine::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kStart = absl::FromUnixSeconds(1000);

RequestOutcome Outcome(double due, absl::Duration latency) {
  RequestOutcome outcome;
  outcome.due = kStart + absl::Seconds(due);
  outcome.sent = outcome.due;
  outcome.done = outcome.due + latency;
  outcome.queue = 0.25 * latency;
  outcome.encode = 0.125 * latency;
  outcome.decode = 0.5 * latency;
  outcome.counts = {1, 2, 30, 40, 25};
  return outcome;
}

// Ten requests a second for 20 s, 100 ms each; the first 4 s are five times as
// slow.
LoadRecorder Record() {
  LoadRecorder recorder(kStart, kStart + absl::Seconds(20), 20);
  for (int i = 0; i < 200; ++i) {
    recorder.Record(Outcome(i * 0.1, absl::Milliseconds(i < 40 ? 500 : 100)));
  }
  return recorder;
}

LoadOptions Options() {
  LoadOptions options;
  options.settings.model = "fake";
  options.rate = 10;
  return options;
}

TEST(LoadReportTest, LeavesOutTheTransient) {
  const LoadReport report = MakeLoadReport(Record(), 0.1);
  EXPECT_GE(report.discarded, absl::Seconds(4));
  EXPECT_EQ(report.duration, absl::Seconds(20) - report.discarded);
  EXPECT_TRUE(report.steady);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(report.window.latency.max()), 100,
              0.01);
  EXPECT_NEAR(report.PerSecond(report.window.answered.requests), 10, 0.1);
}

TEST(LoadReportTest, JsonHoldsEverything) {
  LoadRecorder recorder = Record();
  RequestOutcome failed = Outcome(19, absl::Seconds(1));
  failed.code = absl::StatusCode::kDeadlineExceeded;
  recorder.Record(failed);
  recorder.RecordUnsent(kStart + absl::Seconds(19));
  LoadOptions options = Options();
  options.deadline = absl::Seconds(1);
  const auto json =
      nlohmann::json::parse(ToJson(MakeLoadReport(recorder, 0.1), options));
  EXPECT_EQ(json["model"], "fake");
  EXPECT_EQ(json["loop"], "open");
  EXPECT_EQ(json["rate"], 10);
  EXPECT_EQ(json["arrivals"], "poisson");
  EXPECT_EQ(json["deadline_seconds"], 1);
  EXPECT_EQ(json["steady"], true);
  EXPECT_NEAR(json["requests_per_second"].get<double>(), 10, 0.1);
  EXPECT_NEAR(json["sentences_per_second"].get<double>(), 20, 0.2);
  EXPECT_NEAR(json["source_tokens_per_second"].get<double>(), 300, 3);
  EXPECT_NEAR(json["target_tokens_per_second"].get<double>(), 400, 4);
  EXPECT_NEAR(json["source_words_per_second"].get<double>(), 250, 2.5);
  const auto& latency = json["latency_seconds"];
  EXPECT_NEAR(latency["end_to_end"]["p50"].get<double>(), 0.1, 0.001);
  EXPECT_NEAR(latency["queue"]["p99"].get<double>(), 0.025, 0.001);
  EXPECT_NEAR(latency["encode"]["max"].get<double>(), 0.0125, 0.001);
  EXPECT_NEAR(latency["decode"]["mean"].get<double>(), 0.05, 0.001);
  EXPECT_NEAR(latency["network"]["p999"].get<double>(), 0.0125, 0.001);
  EXPECT_GT(json["outcomes"]["OK"], 100);
  EXPECT_EQ(json["outcomes"]["DEADLINE_EXCEEDED"], 1);
  EXPECT_EQ(json["unsent"], 1);
}

TEST(LoadReportTest, JsonOfAClosedLoop) {
  LoadOptions options;
  options.concurrency = 7;
  const auto json =
      nlohmann::json::parse(ToJson(MakeLoadReport(Record(), 0.1), options));
  EXPECT_EQ(json["loop"], "closed");
  EXPECT_EQ(json["concurrency"], 7);
  EXPECT_TRUE(json["deadline_seconds"].is_null());
}

TEST(LoadReportTest, TextForPeople) {
  const std::string text =
      FormatLoadReport(MakeLoadReport(Record(), 0.1), Options());
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("fake, open loop, 10 requests/s, Poisson arrivals, 1 "
                      "text a request\n"),
            HasSubstr(": steady\n"),
            HasSubstr("  requests/s              10.0\n"),
            HasSubstr("  end to end      100.0    100.0"),
            HasSubstr("  queue            25.0     25.0"),
            Not(HasSubstr("sent late")), Not(HasSubstr("not sent"))));
}

TEST(LoadReportTest, SaysThatTheServerIsOverloaded) {
  LoadRecorder recorder(kStart, kStart + absl::Seconds(20), 20);
  for (int i = 0; i < 200; ++i) {
    recorder.Record(Outcome(i * 0.1, absl::Milliseconds(50 * i)));
  }
  const LoadReport report = MakeLoadReport(recorder, 0.1);
  EXPECT_FALSE(report.steady);
  EXPECT_THAT(FormatLoadReport(report, Options()),
              AllOf(HasSubstr("NOT STEADY"), HasSubstr("load above capacity")));
}

TEST(LoadReportTest, SaysThatTheGeneratorWasLate) {
  LoadRecorder recorder(kStart, kStart + absl::Seconds(20), 20);
  for (int i = 0; i < 200; ++i) {
    RequestOutcome outcome = Outcome(i * 0.1, absl::Milliseconds(100));
    outcome.sent += absl::Milliseconds(50);
    recorder.Record(outcome);
  }
  EXPECT_THAT(FormatLoadReport(MakeLoadReport(recorder, 0.1), Options()),
              HasSubstr("sent late, by 50.0 ms at p99"));
}

TEST(LoadReportTest, NothingAnswered) {
  const LoadRecorder recorder(kStart, kStart + absl::Seconds(20), 20);
  const LoadReport report = MakeLoadReport(recorder, 0.1);
  EXPECT_FALSE(report.steady);
  EXPECT_THAT(FormatLoadReport(report, Options()),
              HasSubstr("  requests/s               0.0\n"));
}

TEST(LoadProgressTest, TellsWhereItIs) {
  LoadProgress progress;
  progress.elapsed = absl::Seconds(1);
  progress.in_flight = 8;
  progress.answered = 50;
  progress.interval = absl::Milliseconds(250);
  for (int i = 0; i < 50; ++i) progress.latency.Add(absl::Milliseconds(20));
  EXPECT_EQ(FormatLoadProgress(progress, Options()),
            "1/22 s  warm-up  200.0 requests/s  p50 20.0 ms  p99 20.0 ms  8 in "
            "flight");
  progress.elapsed = absl::Seconds(12);
  progress.failed = 3;
  EXPECT_THAT(FormatLoadProgress(progress, Options()),
              AllOf(HasSubstr("12/22 s  measuring"),
                    HasSubstr("8 in flight  3 failed")));
}

}  // namespace
}  // namespace peregrine::client
