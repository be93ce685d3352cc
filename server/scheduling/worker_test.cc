#include "server/scheduling/worker.h"

#include <limits>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/scheduling/sentence_group.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

const absl::Time kStart = absl::UnixEpoch();

absl::Time At(int milliseconds) {
  return kStart + absl::Milliseconds(milliseconds);
}

class WorkerTest : public ::testing::Test {
 protected:
  WorkerTest() {
    limits_.max_rows = 16;
    limits_.max_source_tokens = 400;
    session_ = *backend_.MakeSession(limits_);
    policy_.max_tokens = 100;
    policy_.min_tokens = 40;
    policy_.max_wait = absl::Milliseconds(10);
    worker_ = std::make_unique<Worker>(policy_, *session_, metrics_);
  }

  Sentence Make(SentenceGroup& group, int index, const std::string& text) {
    Sentence sentence;
    sentence.source.assign(text.begin(), text.end());
    sentence.options.max_length = 100;
    sentence.group = &group;
    sentence.index = index;
    sentence.arrival = kStart;
    return sentence;
  }
  TokenBudget Budget(const QueueLoad& load, int idle_workers) {
    return worker_->Budget(load, idle_workers, {}, kStart);
  }
  bool WantsAdmission(const QueueLoad& load, absl::Time now) {
    return worker_->WantsAdmission(load, Budget(load, 0), now);
  }
  int64_t Sentences(absl::StatusCode code) {
    return metrics_.sentences.value(code);
  }

  FakeBackend backend_;
  decode::SessionLimits limits_;
  AdmissionPolicy policy_;
  ModelMetrics metrics_;
  std::unique_ptr<DecodeSession> session_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, TranslatesAndTellsWhatItTook) {
  SentenceGroup group(2, [] {});
  worker_->Admit({Make(group, 0, "abc"), Make(group, 1, "ab")}, At(5));
  EXPECT_FALSE(worker_->idle());
  for (int step = 0; step < 3; ++step) worker_->Step(At(6));
  EXPECT_TRUE(worker_->idle());
  ASSERT_TRUE(group.status().ok());
  const SentenceAnswer& answer = group.answer(0);
  EXPECT_THAT(answer.hypotheses[0].tokens,
              ::testing::ElementsAre('A', 'B', 'C'));
  EXPECT_EQ(answer.source_tokens, 3);
  EXPECT_EQ(answer.queue_time, absl::Milliseconds(5));
  EXPECT_EQ(answer.encode_time, absl::Milliseconds(1));
  EXPECT_EQ(answer.decode_time, absl::Milliseconds(3));

  EXPECT_EQ(Sentences(absl::StatusCode::kOk), 2);
  EXPECT_EQ(metrics_.source_tokens.value(), 5);
  EXPECT_EQ(metrics_.target_tokens.value(), 5);
  EXPECT_EQ(metrics_.step_rows.snapshot().cumulative.back(), 3);
  EXPECT_EQ(metrics_.step_rows.snapshot().sum, 2 + 2 + 1);
  EXPECT_EQ(metrics_.admission_tokens.snapshot().sum, 5);
  EXPECT_EQ(metrics_.queue_seconds.snapshot().cumulative.back(), 2);
}

TEST_F(WorkerTest, TellsWhatWasDoneInATurn) {
  SentenceGroup finished(1, [] {}), expired(1, [] {}), longer(1, [] {});
  Sentence late = Make(expired, 0, "abcdef");
  late.deadline = At(40);
  EXPECT_EQ(worker_->TakeTurn().rows, 0);
  worker_->Admit({Make(finished, 0, "ab"), late, Make(longer, 0, "abc")},
                 At(10));
  worker_->Step(At(30));
  EXPECT_EQ(worker_->TakeTurn().rows, 3);
  worker_->Step(At(45));
  const Worker::Turn turn = worker_->TakeTurn();
  EXPECT_EQ(turn.rows, 2);
  // The one that is cut off says nothing of how many steps it would take.
  ASSERT_EQ(turn.finished.size(), 1u);
  EXPECT_EQ(turn.finished[0].source_length, 2);
  EXPECT_EQ(turn.finished[0].steps, 2);
  EXPECT_EQ(worker_->TakeTurn().rows, 0);
}

// 1 ms a row, and as many steps as the source has tokens.
ServiceEstimator OneMillisecondARow() {
  ServiceEstimator service;
  service.ObserveStep(10, absl::Milliseconds(10));
  service.ObserveSentence(10, 10);
  return service;
}

TEST_F(WorkerTest, TakesNoMoreThanLetsTheLiveFinish) {
  const ServiceEstimator service = OneMillisecondARow();
  const QueueLoad load = {10, 10, 100};
  SentenceGroup free(1, [] {}), bound(1, [] {});
  worker_->Admit({Make(free, 0, "abcdefghij")}, At(0));
  EXPECT_EQ(worker_->Budget(load, 0, service, At(0)).max_live_rows,
            std::numeric_limits<double>::infinity());
  // 90 ms to plan with for 10 steps.
  Sentence sentence = Make(bound, 0, "abcdefghij");
  sentence.deadline = At(100);
  worker_->Admit({sentence}, At(0));
  TokenBudget budget = worker_->Budget(load, 0, service, At(0));
  EXPECT_EQ(budget.live_rows, 2);
  EXPECT_NEAR(budget.max_live_rows, 9, 1e-6);
  // Five steps on there is more time for each.
  for (int step = 0; step < 5; ++step) worker_->Step(At(step));
  budget = worker_->Budget(load, 0, service, At(0));
  EXPECT_NEAR(budget.max_live_rows, 18, 1e-6);
  // For what is lost nobody stands back.
  budget = worker_->Budget(load, 0, service, At(99));
  EXPECT_EQ(budget.max_live_rows, std::numeric_limits<double>::infinity());
}

TEST_F(WorkerTest, SentencesJoinBetweenSteps) {
  SentenceGroup first(1, [] {}), second(1, [] {});
  worker_->Admit({Make(first, 0, "abcd")}, At(0));
  worker_->Step(At(1));
  worker_->Admit({Make(second, 0, "x")}, At(1));
  worker_->Step(At(2));
  EXPECT_TRUE(second.status().ok());
  EXPECT_FALSE(worker_->idle());
}

TEST_F(WorkerTest, ExpiredAndAbandonedLeaveBeforeTheNextStep) {
  SentenceGroup expired(1, [] {}), abandoned(1, [] {}), kept(1, [] {});
  Sentence with_deadline = Make(expired, 0, "abcdef");
  with_deadline.deadline = At(10);
  worker_->Admit(
      {with_deadline, Make(abandoned, 0, "abcdef"), Make(kept, 0, "ab")},
      At(0));
  worker_->Step(At(9));
  abandoned.Abandon();
  worker_->Step(At(10));
  EXPECT_EQ(expired.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(abandoned.status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(kept.status().ok());
  EXPECT_TRUE(worker_->idle());
  EXPECT_EQ(session_->live_rows(), 0);
  EXPECT_EQ(Sentences(absl::StatusCode::kCancelled), 1);
}

TEST_F(WorkerTest, ASentenceThatTheModelRefusesFailsAlone) {
  SentenceGroup bad(1, [] {}), good(1, [] {});
  worker_->Admit({Make(bad, 0, ""), Make(good, 0, "a")}, At(0));
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
  worker_->Step(At(1));
  EXPECT_TRUE(good.status().ok());
}

TEST_F(WorkerTest, AnIdleWorkerAdmitsAtOnce) {
  EXPECT_TRUE(WantsAdmission({1, 1, 4}, At(0)));
  EXPECT_FALSE(WantsAdmission({0, 0, 0}, At(0)));
}

TEST_F(WorkerTest, ABusyWorkerWaitsForAnAdmissionThatPays) {
  SentenceGroup group(1, [] {});
  worker_->Admit({Make(group, 0, "abcdefgh")}, At(0));
  worker_->AdmissionEnded(At(0));
  EXPECT_FALSE(WantsAdmission({1, 1, 39}, At(9)));
  EXPECT_TRUE(WantsAdmission({1, 1, 40}, At(9)));
  EXPECT_TRUE(WantsAdmission({1, 1, 39}, At(10)));
  // 150 rows wait and 15 are free: a tenth of the tokens would fit.
  EXPECT_FALSE(WantsAdmission({150, 150, 390}, At(9)));
  EXPECT_TRUE(WantsAdmission({150, 150, 410}, At(9)));
  worker_->Step(At(1));
}

TEST_F(WorkerTest, AShortQueueIsSharedWithIdleWorkers) {
  EXPECT_EQ(Budget({10, 10, 80}, 0).admission_tokens, 81);
  EXPECT_EQ(Budget({10, 10, 80}, 1).admission_tokens, 41);
  EXPECT_EQ(Budget({99, 99, 4000}, 1).admission_tokens, 100);
  EXPECT_EQ(Budget({10, 10, 80}, 0).rows, 16);
  EXPECT_EQ(Budget({10, 10, 80}, 0).source_tokens, 400);
}

}  // namespace
}  // namespace peregrine::server
