#include "client/load/load_generator.h"

#include <atomic>
#include <memory>
#include <string>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "client/fake_translation_server.h"
#include "client/load/load_report.h"
#include "client/translation_client.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class OneText final : public LoadTexts {
 public:
  std::string Next() override { return "two words"; }
};

class LoadGeneratorTest : public testing::Test {
 protected:
  LoadGeneratorTest() {
    options_.settings.model = "fake";
    options_.warm_up = absl::ZeroDuration();
    options_.duration = absl::Milliseconds(500);
    options_.num_windows = 1;
  }

  LoadWindow Run(int connections = 1) {
    ClientOptions client;
    client.max_attempts = 1;
    client.own_connections = true;
    LoadGenerator::Stubs stubs;
    for (int i = 0; i < connections; ++i) {
      stubs.push_back(v1::TranslationService::NewStub(
          OpenChannel(server_.address(), client)));
    }
    LoadGenerator generator(std::move(stubs), &texts_, options_);
    return generator
        .Run([this](const LoadProgress& progress) { progress_ = progress; })
        .windows()[0];
  }

  FakeTranslationServer server_;
  OneText texts_;
  LoadOptions options_;
  LoadProgress progress_;
};

TEST_F(LoadGeneratorTest, ClosedLoopKeepsSoManyInFlight) {
  std::atomic<int> now{0}, most{0};
  server_.SetTranslateHandler([&](const v1::TranslateRequest&) {
    const int running = ++now;
    int known = most;
    while (running > known && !most.compare_exchange_weak(known, running)) {
    }
    absl::SleepFor(absl::Milliseconds(5));
    --now;
    return grpc::Status::OK;
  });
  options_.concurrency = 4;
  const LoadWindow window = Run(2);
  EXPECT_EQ(most, 4);
  EXPECT_GT(window.answered.requests, 4);
  EXPECT_EQ(static_cast<std::size_t>(window.outcomes.at(absl::StatusCode::kOk)),
            server_.translate_requests().size());
}

TEST_F(LoadGeneratorTest, CountsWhatTheAnswersTell) {
  options_.texts_per_request = 3;
  options_.settings.single_sentence = true;
  options_.settings.decoding.set_beam_size(2);
  const LoadWindow window = Run();
  const v1::TranslateRequest request = server_.translate_requests().at(0);
  EXPECT_EQ(request.model(), "fake");
  EXPECT_EQ(request.texts_size(), 3);
  EXPECT_EQ(request.options().beam_size(), 2);
  EXPECT_TRUE(request.single_sentence());

  const LoadCounts& counts = window.answered;
  ASSERT_GT(counts.requests, 0);
  EXPECT_EQ(counts.sentences, 3 * counts.requests);
  EXPECT_EQ(counts.source_tokens, 12 * counts.requests);
  EXPECT_EQ(counts.target_tokens, 15 * counts.requests);
  EXPECT_EQ(counts.source_words, 6 * counts.requests);
  EXPECT_EQ(window.queue.max(), absl::Microseconds(10));
  EXPECT_EQ(window.encode.max(), absl::Microseconds(20));
  EXPECT_EQ(window.decode.max(), absl::Microseconds(30));
  EXPECT_EQ(window.network.max(),
            window.latency.max() - absl::Microseconds(60));
}

// The server stalls until the load is over: every request of the schedule must
// have been sent all the same, and its latency must hold the whole wait.
TEST_F(LoadGeneratorTest, OpenLoopIsNotSlowedBySlowAnswers) {
  absl::Notification resume;
  std::atomic<int> arrived{0};
  server_.SetTranslateHandler([&](const v1::TranslateRequest&) {
    if (++arrived == 50) resume.Notify();
    resume.WaitForNotification();
    return grpc::Status::OK;
  });
  options_.rate = 100;
  options_.arrivals = Arrivals::kUniform;
  const LoadWindow window = Run();
  EXPECT_THAT(window.outcomes, ElementsAre(Pair(absl::StatusCode::kOk, 50)));
  // The first was due at 0 and waited for the last, due at 490 ms.
  EXPECT_GE(window.latency.max(), absl::Milliseconds(490));
  EXPECT_GE(window.latency.Percentile(0.5), absl::Milliseconds(200));
}

TEST_F(LoadGeneratorTest, RequestsBeyondTheLimitAreCountedNotSent) {
  server_.SetTranslateHandler([](const v1::TranslateRequest&) {
    absl::SleepFor(absl::Seconds(2));
    return grpc::Status::OK;
  });
  options_.rate = 100;
  options_.arrivals = Arrivals::kUniform;
  options_.max_in_flight = 3;
  const LoadWindow window = Run();
  EXPECT_EQ(window.unsent, 47);
  EXPECT_THAT(window.outcomes, ElementsAre(Pair(absl::StatusCode::kOk, 3)));
  EXPECT_EQ(progress_.in_flight, 3);
}

TEST_F(LoadGeneratorTest, DeadlinesReachTheServerAndAreCounted) {
  server_.SetTranslateHandler([](const v1::TranslateRequest&) {
    absl::SleepFor(absl::Milliseconds(200));
    return grpc::Status::OK;
  });
  options_.deadline = absl::Milliseconds(50);
  const LoadWindow window = Run();
  ASSERT_EQ(window.outcomes.count(absl::StatusCode::kOk), 0u);
  EXPECT_GT(window.outcomes.at(absl::StatusCode::kDeadlineExceeded), 0);
  EXPECT_EQ(window.answered.requests, 0);
}

TEST_F(LoadGeneratorTest, FailuresAreNotRepeatedAndKeepTheirCode) {
  std::atomic<int> arrived{0};
  server_.SetTranslateHandler([&](const v1::TranslateRequest&) {
    return ++arrived % 2 == 0
               ? grpc::Status::OK
               : grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "full");
  });
  options_.rate = 100;
  options_.arrivals = Arrivals::kUniform;
  const LoadWindow window = Run();
  EXPECT_EQ(arrived, 50);
  EXPECT_THAT(
      window.outcomes,
      UnorderedElementsAre(Pair(absl::StatusCode::kOk, 25),
                           Pair(absl::StatusCode::kResourceExhausted, 25)));
  EXPECT_EQ(window.latency.count(), 25);
}

// A closed loop that went on at once would do nothing but fail.
TEST_F(LoadGeneratorTest, ClosedLoopPausesAfterAFailure) {
  server_.SetTranslateHandler([](const v1::TranslateRequest&) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "draining");
  });
  const LoadWindow window = Run();
  EXPECT_LE(window.outcomes.at(absl::StatusCode::kUnavailable), 5);
}

TEST_F(LoadGeneratorTest, WhatIsNeverAnsweredIsCancelledInTheEnd) {
  // The server's thread outlives the call, and may outlive this function.
  const auto resume = std::make_shared<absl::Notification>();
  server_.SetTranslateHandler([resume](const v1::TranslateRequest&) {
    resume->WaitForNotificationWithTimeout(absl::Seconds(60));
    return grpc::Status::OK;
  });
  options_.concurrency = 2;
  options_.drain_timeout = absl::Milliseconds(50);
  const LoadWindow window = Run();
  resume->Notify();
  EXPECT_THAT(window.outcomes,
              ElementsAre(Pair(absl::StatusCode::kCancelled, 2)));
}

TEST_F(LoadGeneratorTest, WarmUpIsNotMeasured) {
  options_.rate = 100;
  options_.arrivals = Arrivals::kUniform;
  options_.warm_up = absl::Milliseconds(200);
  const LoadWindow window = Run();
  EXPECT_THAT(window.outcomes, ElementsAre(Pair(absl::StatusCode::kOk, 50)));
  EXPECT_EQ(server_.translate_requests().size(), 70u);
}

}  // namespace
}  // namespace peregrine::client
