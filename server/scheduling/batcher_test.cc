#include "server/scheduling/batcher.h"

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/models/fake_backend.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {
namespace {

Sentence Make(SentenceGroup& group, int index, const std::string& text) {
  Sentence sentence;
  sentence.source.assign(text.begin(), text.end());
  sentence.options.max_length = 100;
  sentence.group = &group;
  sentence.index = index;
  return sentence;
}

std::vector<Sentence> MakeSome(SentenceGroup& group, int n,
                               const std::string& text) {
  std::vector<Sentence> sentences;
  for (int i = 0; i < n; ++i) sentences.push_back(Make(group, i, text));
  return sentences;
}

// Holds all workers in their next step until opened.
class Gate {
 public:
  void Pass() {
    ++waiting_;
    opened_.WaitForNotification();
  }
  void Open() { opened_.Notify(); }
  void AwaitWaiting(int n) const {
    while (waiting_ < n) absl::SleepFor(absl::Milliseconds(1));
  }

 private:
  std::atomic<int> waiting_{0};
  absl::Notification opened_;
};

TEST(BatcherTest, Translates) {
  FakeBackend backend;
  ModelMetrics metrics;
  auto batcher = *Batcher::Start(backend, {}, metrics);
  absl::Notification done;
  SentenceGroup group(3, [&] { done.Notify(); });
  ASSERT_TRUE(batcher->Submit(MakeSome(group, 3, "abc")).ok());
  done.WaitForNotification();
  EXPECT_TRUE(group.status().ok());
  EXPECT_THAT(group.answer(2).hypotheses[0].tokens,
              ::testing::ElementsAre('A', 'B', 'C'));
}

// Fails on the thread of one worker: of the first that makes a step once it is
// told to.
class FailingDevice {
 public:
  void FailNext() { armed_ = true; }
  void Step() {
    if (armed_.exchange(false)) Lost() = true;
  }
  absl::Status status() const {
    return Lost() ? absl::UnavailableError("cuda:0: lost") : absl::OkStatus();
  }

 private:
  static bool& Lost() {
    thread_local bool lost = false;
    return lost;
  }

  std::atomic<bool> armed_{false};
};

TEST(BatcherTest, AWorkerWhoseDeviceFailsIsTakenOutAndOthersServeOn) {
  FailingDevice device;
  FakeBackend::Options options;
  options.on_step = [&] { device.Step(); };
  options.device_status = [&] { return device.status(); };
  FakeBackend backend(options);
  ModelMetrics metrics;
  BatcherOptions batcher_options;
  batcher_options.num_workers = 2;
  auto batcher = *Batcher::Start(backend, batcher_options, metrics);
  const auto translate = [&](int count) {
    absl::Notification done;
    SentenceGroup group(count, [&] { done.Notify(); });
    EXPECT_TRUE(batcher->Submit(MakeSome(group, count, "abc")).ok());
    done.WaitForNotification();
    return group.status();
  };
  ASSERT_TRUE(translate(3).ok());
  device.FailNext();
  const absl::Status status = translate(1);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              ::testing::HasSubstr("cuda:0: lost"));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(translate(2).ok());
  batcher.reset();  // it answers first and counts then
  EXPECT_EQ(metrics.lost_workers.value(), 1);
}

TEST(BatcherTest, WithoutAnyWorkerNothingWaitsForEver) {
  Gate gate;
  FakeBackend::Options options;
  options.on_step = [&] { gate.Pass(); };
  options.device_status = [] { return absl::UnavailableError("cuda:0: lost"); };
  FakeBackend backend(options);
  ModelMetrics metrics;
  BatcherOptions batcher_options;
  batcher_options.session.max_rows = 1;  // so that the others wait
  auto batcher = *Batcher::Start(backend, batcher_options, metrics);
  absl::Notification done;
  SentenceGroup group(5, [&] { done.Notify(); });
  ASSERT_TRUE(batcher->Submit(MakeSome(group, 5, "abc")).ok());
  gate.AwaitWaiting(1);
  gate.Open();
  done.WaitForNotification();
  EXPECT_EQ(group.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(metrics.lost_workers.value(), 1);
  SentenceGroup late(1, [] {});
  EXPECT_EQ(batcher->Submit(MakeSome(late, 1, "abc")).code(),
            absl::StatusCode::kUnavailable);
}

TEST(BatcherTest, ASessionThatCannotBeMadeIsAStartError) {
  FakeBackend::Options options;
  options.session_status = absl::ResourceExhaustedError("no memory");
  FakeBackend backend(options);
  ModelMetrics metrics;
  BatcherOptions batcher_options;
  batcher_options.num_workers = 3;
  EXPECT_EQ(Batcher::Start(backend, batcher_options, metrics).status(),
            absl::ResourceExhaustedError("no memory"));
}

TEST(BatcherTest, ASessionTooSmallForTheLongestSentenceIsAStartError) {
  FakeBackend backend;
  ModelMetrics metrics;
  BatcherOptions options;
  options.session.max_source_tokens = 103;
  EXPECT_EQ(Batcher::Start(backend, options, metrics).status().message(),
            "--max-batch-tokens: found 103, but the longest sentence of model "
            "fake needs 104");
}

TEST(BatcherTest, WhatNeverFitsIsRefused) {
  FakeBackend backend;
  ModelMetrics metrics;
  BatcherOptions options;
  options.session.max_rows = 4;
  auto batcher = *Batcher::Start(backend, options, metrics);
  SentenceGroup group(1, [] {});
  Sentence wide = Make(group, 0, "a");
  wide.options.beam_size = 5;
  EXPECT_EQ(batcher->Submit({wide}).code(), absl::StatusCode::kInvalidArgument);
}

TEST(BatcherTest, DestructionFinishesWhatWasSubmitted) {
  FakeBackend backend;
  ModelMetrics metrics;
  SentenceGroup group(100, [] {});
  {
    auto batcher = *Batcher::Start(backend, {}, metrics);
    ASSERT_TRUE(batcher->Submit(MakeSome(group, 100, "abc")).ok());
  }
  EXPECT_TRUE(group.status().ok());
}

TEST(BatcherTest, DrainRefusesTheNewAndFinishesTheOld) {
  Gate gate;
  FakeBackend::Options backend_options;
  backend_options.on_step = [&] { gate.Pass(); };
  FakeBackend backend(backend_options);
  ModelMetrics metrics;
  auto batcher = *Batcher::Start(backend, {}, metrics);
  absl::Notification done;
  SentenceGroup old_group(1, [&] { done.Notify(); }), new_group(1, [] {});
  ASSERT_TRUE(batcher->Submit(MakeSome(old_group, 1, "abc")).ok());
  batcher->Drain();
  EXPECT_EQ(batcher->Submit(MakeSome(new_group, 1, "abc")).code(),
            absl::StatusCode::kUnavailable);
  gate.Open();
  done.WaitForNotification();
  EXPECT_TRUE(old_group.status().ok());
  EXPECT_EQ(metrics.sentences.value(absl::StatusCode::kUnavailable), 1);
}

TEST(BatcherTest, AFullQueueRefusesAndTheGaugesTellIt) {
  Gate gate;
  FakeBackend::Options backend_options;
  backend_options.on_step = [&] { gate.Pass(); };
  FakeBackend backend(backend_options);
  ModelMetrics metrics;
  BatcherOptions options;
  options.queue.max_sentences = 2;
  auto batcher = *Batcher::Start(backend, options, metrics);
  SentenceGroup live(1, [] {}), waiting(2, [] {}), refused(1, [] {});
  ASSERT_TRUE(batcher->Submit(MakeSome(live, 1, "a")).ok());
  gate.AwaitWaiting(1);
  ASSERT_TRUE(batcher->Submit(MakeSome(waiting, 2, "abc")).ok());
  EXPECT_EQ(batcher->Submit(MakeSome(refused, 1, "a")).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(batcher->CheckOpen().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(batcher->queue().sentences, 2);
  EXPECT_EQ(batcher->queue().source_tokens, 8);
  gate.Open();
  batcher.reset();
  EXPECT_TRUE(waiting.status().ok());
}

TEST(BatcherTest, AbandonedSentencesLeaveTheQueueWhileWorkersAreBusy) {
  Gate gate;
  FakeBackend::Options backend_options;
  backend_options.on_step = [&] { gate.Pass(); };
  FakeBackend backend(backend_options);
  ModelMetrics metrics;
  auto batcher = *Batcher::Start(backend, {}, metrics);
  bool gone = false;
  SentenceGroup live(1, [] {}), waiting(2, [&] { gone = true; });
  ASSERT_TRUE(batcher->Submit(MakeSome(live, 1, "a")).ok());
  gate.AwaitWaiting(1);
  ASSERT_TRUE(batcher->Submit(MakeSome(waiting, 2, "abc")).ok());
  waiting.Abandon();
  batcher->RemoveAbandoned();
  EXPECT_TRUE(gone);
  EXPECT_EQ(waiting.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(batcher->queue().sentences, 0);
  gate.Open();
  batcher.reset();
}

// Callers on several threads, random sizes, deadlines and cancellations, small
// bounds. Every group completes once, and every success is the right text.
TEST(BatcherTest, LoadWithRandomCancellation) {
  FakeBackend backend;
  ModelMetrics metrics;
  BatcherOptions options;
  options.num_workers = 3;
  options.session.max_rows = 12;
  options.session.max_source_tokens = 200;
  options.queue.max_sentences = 40;
  options.queue.max_age = absl::Milliseconds(2);
  options.admission.max_tokens = 80;
  options.admission.max_wait = absl::Microseconds(200);
  auto batcher = *Batcher::Start(backend, options, metrics);

  // Refused: at the door, or in the queue, where time ran out for them.
  std::atomic<int> ok{0}, cancelled{0}, late{0}, refused{0};
  const auto caller = [&](int seed) {
    std::mt19937 random(seed);
    for (int request = 0; request < 300; ++request) {
      const int size = 1 + static_cast<int>(random() % 6);
      absl::Notification done;
      SentenceGroup group(size, [&] { done.Notify(); });
      std::vector<Sentence> sentences;
      for (int i = 0; i < size; ++i) {
        Sentence s = Make(group, i, std::string(1 + random() % 60, 'a' + i));
        s.options.beam_size = 1 + static_cast<int>(random() % 4);
        if (random() % 8 == 0) {
          s.deadline = absl::Now() + absl::Microseconds(random() % 3000);
        }
        sentences.push_back(s);
      }
      const std::vector<Sentence> copy = sentences;
      const absl::Status status = batcher->Submit(std::move(sentences));
      if (!status.ok()) {
        ++refused;
        continue;
      }
      if (random() % 4 == 0) {
        absl::SleepFor(absl::Microseconds(random() % 500));
        group.Abandon();
        if (random() % 2 == 0) batcher->RemoveAbandoned();
      }
      done.WaitForNotification();
      const absl::StatusCode code = group.status().code();
      ok += code == absl::StatusCode::kOk;
      cancelled += code == absl::StatusCode::kCancelled;
      late += code == absl::StatusCode::kDeadlineExceeded;
      refused += code == absl::StatusCode::kResourceExhausted;
      if (code != absl::StatusCode::kOk) continue;
      for (int i = 0; i < size; ++i) {
        const auto& tokens = group.answer(i).hypotheses[0].tokens;
        ASSERT_EQ(tokens.size(), copy[i].source.size());
        ASSERT_EQ(tokens[0], 'A' + i);
      }
    }
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) callers.emplace_back(caller, i);
  for (std::thread& thread : callers) thread.join();
  EXPECT_EQ(batcher->queue().sentences, 0);
  EXPECT_EQ(ok + cancelled + late + refused, 8 * 300);
  EXPECT_GT(ok, 100);
  EXPECT_GT(cancelled, 10);
}

}  // namespace
}  // namespace peregrine::server
