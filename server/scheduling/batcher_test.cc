#include "server/scheduling/batcher.h"

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/scheduling/sentence_group.h"
#include "server/testing/fake_backend.h"
#include "server/testing/step_gate.h"

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

class BatcherTest : public ::testing::Test {
 protected:
  ~BatcherTest() override { gate_.Open(); }

  // What is set before Start.
  FakeBackend::Options backend_options_;
  BatcherOptions options_;

  absl::Status Start() {
    backend_ = std::make_unique<FakeBackend>(backend_options_);
    auto batcher = Batcher::Start(*backend_, options_, metrics_);
    if (batcher.ok()) batcher_ = *std::move(batcher);
    return batcher.status();
  }
  absl::Status Submit(SentenceGroup& group, int n, const std::string& text) {
    return batcher_->Submit(MakeSome(group, n, text));
  }

  StepGate gate_;  // outlives the workers
  ModelMetrics metrics_;
  std::unique_ptr<FakeBackend> backend_;
  std::unique_ptr<Batcher> batcher_;
};

TEST_F(BatcherTest, Translates) {
  ASSERT_TRUE(Start().ok());
  absl::Notification done;
  SentenceGroup group(3, [&] { done.Notify(); });
  ASSERT_TRUE(Submit(group, 3, "abc").ok());
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

TEST_F(BatcherTest, AWorkerWhoseDeviceFailsIsTakenOutAndOthersServeOn) {
  FailingDevice device;
  backend_options_.on_step = [&] { device.Step(); };
  backend_options_.device_status = [&] { return device.status(); };
  options_.num_workers = 2;
  ASSERT_TRUE(Start().ok());
  const auto translate = [&](int count) {
    absl::Notification done;
    SentenceGroup group(count, [&] { done.Notify(); });
    EXPECT_TRUE(Submit(group, count, "abc").ok());
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
  // It answers first and goes then.
  while (batcher_->queue().workers != 1) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_TRUE(batcher_->has_workers());
  batcher_.reset();  // and counts last
  EXPECT_EQ(metrics_.lost_workers.value(), 1);
}

TEST_F(BatcherTest, WithoutAnyWorkerNothingWaitsForEver) {
  backend_options_.on_step = gate_.hook();
  backend_options_.device_status = [] {
    return absl::UnavailableError("cuda:0: lost");
  };
  options_.session.max_rows = 1;  // so that the others wait
  ASSERT_TRUE(Start().ok());
  absl::Notification done;
  SentenceGroup group(5, [&] { done.Notify(); });
  ASSERT_TRUE(Submit(group, 5, "abc").ok());
  gate_.AwaitWaiting(1);
  gate_.Open();
  done.WaitForNotification();
  EXPECT_EQ(group.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(metrics_.lost_workers.value(), 1);
  SentenceGroup late(1, [] {});
  const absl::Status status = Submit(late, 1, "abc");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              ::testing::HasSubstr("no worker is left"));
  EXPECT_EQ(batcher_->queue().workers, 0);
  EXPECT_FALSE(batcher_->has_workers());
}

TEST_F(BatcherTest, ASessionThatCannotBeMadeIsAStartError) {
  backend_options_.session_status = absl::ResourceExhaustedError("no memory");
  options_.num_workers = 3;
  EXPECT_EQ(Start(), absl::ResourceExhaustedError("no memory"));
}

TEST_F(BatcherTest, ASessionTooSmallForTheLongestSentenceIsAStartError) {
  options_.session.max_source_tokens = 103;
  EXPECT_EQ(Start().message(),
            "--max-batch-tokens: found 103, but the longest sentence of model "
            "fake needs 104");
}

TEST_F(BatcherTest, AQueueTooSmallForTheLongestSentenceIsAStartError) {
  options_.queue.max_source_tokens = 1;
  EXPECT_EQ(Start().message(),
            "--max-queue-tokens: found 1, but the longest sentence of model "
            "fake needs 104");
}

TEST_F(BatcherTest, WhatNeverFitsIsRefused) {
  options_.session.max_rows = 4;
  ASSERT_TRUE(Start().ok());
  SentenceGroup group(1, [] {});
  Sentence wide = Make(group, 0, "a");
  wide.options.beam_size = 5;
  EXPECT_EQ(batcher_->Submit({wide}).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(BatcherTest, DestructionFinishesWhatWasSubmitted) {
  ASSERT_TRUE(Start().ok());
  SentenceGroup group(100, [] {});
  ASSERT_TRUE(Submit(group, 100, "abc").ok());
  batcher_.reset();
  EXPECT_TRUE(group.status().ok());
}

TEST_F(BatcherTest, DrainRefusesTheNewAndFinishesTheOld) {
  backend_options_.on_step = gate_.hook();
  ASSERT_TRUE(Start().ok());
  absl::Notification done;
  SentenceGroup old_group(1, [&] { done.Notify(); }), new_group(1, [] {});
  ASSERT_TRUE(Submit(old_group, 1, "abc").ok());
  batcher_->Drain();
  EXPECT_EQ(Submit(new_group, 1, "abc").code(), absl::StatusCode::kUnavailable);
  gate_.Open();
  done.WaitForNotification();
  EXPECT_TRUE(old_group.status().ok());
  EXPECT_EQ(metrics_.sentences.value(absl::StatusCode::kUnavailable), 1);
}

TEST_F(BatcherTest, AFullQueueRefusesAndTheGaugesTellIt) {
  backend_options_.on_step = gate_.hook();
  options_.queue.max_sentences = 2;
  ASSERT_TRUE(Start().ok());
  SentenceGroup live(1, [] {}), waiting(2, [] {}), refused(1, [] {});
  ASSERT_TRUE(Submit(live, 1, "a").ok());
  gate_.AwaitWaiting(1);
  ASSERT_TRUE(Submit(waiting, 2, "abc").ok());
  EXPECT_EQ(Submit(refused, 1, "a").code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(batcher_->CheckOpen().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(batcher_->queue().sentences, 2);
  EXPECT_EQ(batcher_->queue().source_tokens, 8);
  gate_.Open();
  batcher_.reset();
  EXPECT_TRUE(waiting.status().ok());
}

TEST_F(BatcherTest, AbandonedSentencesLeaveTheQueueWhileWorkersAreBusy) {
  backend_options_.on_step = gate_.hook();
  ASSERT_TRUE(Start().ok());
  bool gone = false;
  SentenceGroup live(1, [] {}), waiting(2, [&] { gone = true; });
  ASSERT_TRUE(Submit(live, 1, "a").ok());
  gate_.AwaitWaiting(1);
  ASSERT_TRUE(Submit(waiting, 2, "abc").ok());
  waiting.Abandon();
  batcher_->RemoveGroup(waiting.id());
  EXPECT_TRUE(gone);
  EXPECT_EQ(waiting.status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(batcher_->queue().sentences, 0);
  gate_.Open();
  batcher_.reset();
}

// Callers on several threads, random sizes, deadlines and cancellations, small
// bounds. Every group completes once, and every success is the right text.
TEST_F(BatcherTest, LoadWithRandomCancellation) {
  options_.num_workers = 3;
  options_.session.max_rows = 12;
  options_.session.max_source_tokens = 200;
  options_.queue.max_sentences = 40;
  options_.queue.max_age = absl::Milliseconds(2);
  options_.admission.max_tokens = 80;
  options_.admission.max_wait = absl::Microseconds(200);
  ASSERT_TRUE(Start().ok());

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
      const absl::Status status = batcher_->Submit(std::move(sentences));
      if (!status.ok()) {
        ++refused;
        continue;
      }
      if (random() % 4 == 0) {
        absl::SleepFor(absl::Microseconds(random() % 500));
        group.Abandon();
        if (random() % 2 == 0) batcher_->RemoveGroup(group.id());
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
  EXPECT_EQ(batcher_->queue().sentences, 0);
  EXPECT_EQ(ok + cancelled + late + refused, 8 * 300);
  EXPECT_GT(ok, 100);
  EXPECT_GT(cancelled, 10);
}

}  // namespace
}  // namespace peregrine::server
