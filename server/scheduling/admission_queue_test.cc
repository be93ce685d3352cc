#include "server/scheduling/admission_queue.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/errors.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const absl::Time kStart = absl::UnixEpoch();
constexpr TokenBudget kPlenty = {1000, 100000, 100000};

absl::Time At(int milliseconds) {
  return kStart + absl::Milliseconds(milliseconds);
}

// Pushes sentences that are known by the index in their group.
class AdmissionQueueTest : public ::testing::Test {
 protected:
  AdmissionQueueTest() : group_(1000, [] {}), gone_(1000, [] {}) {
    gone_.Abandon();
  }

  Sentence Make(int index, int tokens, int beam_size = 1) {
    Sentence sentence;
    sentence.index = index;
    sentence.source_tokens = tokens;
    sentence.options.beam_size = beam_size;
    sentence.group = &group_;
    return sentence;
  }
  absl::Status Push(AdmissionQueue& queue, Sentence sentence, absl::Time now) {
    std::vector<Sentence> sentences;
    sentences.push_back(std::move(sentence));
    return queue.Push(std::move(sentences), now);
  }
  std::vector<int> TakeIndices(AdmissionQueue& queue, const TokenBudget& budget,
                               absl::Time now) {
    std::vector<int> indices;
    for (const Sentence& s : queue.Take(budget, now).sentences) {
      indices.push_back(s.index);
    }
    return indices;
  }

  // With a source, whose length says how many steps it takes.
  Sentence MakeLong(int index, int tokens) {
    Sentence sentence = Make(index, tokens);
    sentence.source.resize(tokens);
    sentence.options.max_length = 1000;
    return sentence;
  }
  // And a step for each token.
  void LearnOneMillisecondARow(AdmissionQueue& queue) {
    queue.ObserveStep(10, absl::Milliseconds(10));
    queue.ObserveSentence(10, 10);
  }

  Sentence MakeOf(const Flow& flow, int index, int tokens) {
    Sentence sentence = Make(index, tokens);
    sentence.flow = flow;
    return sentence;
  }

  SentenceGroup group_;
  SentenceGroup gone_;
};

constexpr Flow kHeavy = {1, 1, true};
constexpr Flow kLight = {2, 1, true};

TEST_F(AdmissionQueueTest, AClientThatBringsLittleDoesNotWaitForOneThatFloods) {
  AdmissionQueue queue({});
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(Push(queue, MakeOf(kHeavy, i, 10), At(0)).ok());
  }
  ASSERT_TRUE(Push(queue, MakeOf(kLight, 900, 10), At(300)).ok());
  ASSERT_TRUE(Push(queue, MakeOf(kLight, 901, 10), At(300)).ok());
  // All of the flood are overdue, and still no more than a few go first.
  const TokenBudget four = {4, 1000, 1000};
  std::vector<int> first = TakeIndices(queue, four, At(400));
  EXPECT_EQ(std::count_if(first.begin(), first.end(),
                          [](int index) { return index >= 900; }),
            2);
}

TEST_F(AdmissionQueueTest, OneKnownClientCannotFillTheQueue) {
  AdmissionOptions options;
  options.max_sentences = 90;
  AdmissionQueue queue(options);
  int held = 0;
  while (Push(queue, MakeOf(kHeavy, held, 1), At(0)).ok()) ++held;
  EXPECT_EQ(held, 80);
  EXPECT_EQ(queue.CheckOpen({absl::InfiniteFuture(), kHeavy}, At(0)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(queue.CheckOpen({absl::InfiniteFuture(), kLight}, At(0)).ok());
  EXPECT_TRUE(Push(queue, MakeOf(kLight, 900, 1), At(0)).ok());
  // Clients without a name are one flow, which may fill it.
  AdmissionQueue open(options);
  for (int i = 0; i < 90; ++i) {
    ASSERT_TRUE(Push(open, Make(i, 1), At(0)).ok());
  }
}

TEST_F(AdmissionQueueTest, AnEmptyQueueTakesARequestOfAnySizeThatItHolds) {
  AdmissionOptions options;
  options.max_sentences = 3;
  AdmissionQueue queue(options);
  std::vector<Sentence> all;
  for (int i = 0; i < 3; ++i) all.push_back(MakeOf(kHeavy, i, 1));
  EXPECT_TRUE(queue.Push(std::move(all), At(0)).ok());
}

TEST_F(AdmissionQueueTest, ADeadlineIsJudgedByTheShareNotByTheWholeQueue) {
  AdmissionQueue queue({});
  queue.ObserveBacklog(100, absl::Milliseconds(100), At(0));  // 1 ms a token
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(Push(queue, MakeOf(kHeavy, i, 10), At(0)).ok());
  }
  Sentence heavy = MakeOf(kHeavy, 900, 10);
  heavy.deadline = At(500);
  EXPECT_EQ(Push(queue, heavy, At(0)).code(),
            absl::StatusCode::kResourceExhausted);
  Sentence light = MakeOf(kLight, 901, 10);
  light.deadline = At(30);
  EXPECT_TRUE(Push(queue, light, At(0)).ok());
}

TEST_F(AdmissionQueueTest, TheOldestAgeIsThatOfAnyFlow) {
  AdmissionQueue queue({});
  ASSERT_TRUE(Push(queue, MakeOf(kHeavy, 0, 100), At(0)).ok());
  ASSERT_TRUE(Push(queue, MakeOf(kHeavy, 1, 100), At(10)).ok());
  ASSERT_TRUE(Push(queue, MakeOf(kLight, 2, 10), At(20)).ok());
  EXPECT_THAT(TakeIndices(queue, {1, 100, 100}, At(20)), ElementsAre(0));
  EXPECT_EQ(queue.OldestAge(At(30)), absl::Milliseconds(20));
}

TEST_F(AdmissionQueueTest, GivesWhatWasPushed) {
  AdmissionQueue queue({});
  ASSERT_TRUE(Push(queue, Make(0, 10, 4), At(0)).ok());
  EXPECT_EQ(queue.load().sentences, 1);
  EXPECT_EQ(queue.load().rows, 4);
  EXPECT_EQ(queue.load().source_tokens, 10);
  EXPECT_EQ(queue.OldestAge(At(7)), absl::Milliseconds(7));
  const Taken taken = queue.Take(kPlenty, At(7));
  ASSERT_EQ(taken.sentences.size(), 1u);
  EXPECT_EQ(taken.source_tokens, 10);
  EXPECT_EQ(taken.sentences[0].arrival, At(0));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.load().source_tokens, 0);
}

TEST_F(AdmissionQueueTest, PrefersLikeLength) {
  AdmissionQueue queue({});
  const int lengths[] = {20, 90, 21, 5, 19, 22};
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(Push(queue, Make(i, lengths[i]), At(i)).ok());
  }
  EXPECT_THAT(TakeIndices(queue, {4, 1000, 1000}, At(10)),
              UnorderedElementsAre(0, 2, 4, 5));
  EXPECT_THAT(TakeIndices(queue, {4, 1000, 1000}, At(10)),
              UnorderedElementsAre(1, 3));
}

TEST_F(AdmissionQueueTest, OverdueOnesGoInOrderOfArrival) {
  AdmissionOptions options;
  options.max_age = absl::Milliseconds(100);
  AdmissionQueue queue(options);
  const int lengths[] = {20, 90, 21, 5, 19};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Push(queue, Make(i, lengths[i]), At(i)).ok());
  }
  EXPECT_THAT(TakeIndices(queue, {3, 1000, 1000}, At(200)),
              ElementsAre(0, 1, 2));
}

TEST_F(AdmissionQueueTest, ALargeOneBlocksTheYoungerOnceOverdue) {
  AdmissionOptions options;
  options.max_age = absl::Milliseconds(100);
  AdmissionQueue queue(options);
  ASSERT_TRUE(Push(queue, Make(0, 500), At(0)).ok());
  ASSERT_TRUE(Push(queue, Make(1, 10), At(1)).ok());
  ASSERT_TRUE(Push(queue, Make(2, 10), At(2)).ok());
  const TokenBudget small = {100, 100, 100};
  EXPECT_THAT(TakeIndices(queue, {1, 100, 100}, At(50)), ElementsAre(1));
  EXPECT_THAT(TakeIndices(queue, small, At(101)), IsEmpty());
  EXPECT_THAT(TakeIndices(queue, {100, 600, 100}, At(102)), ElementsAre(0));
  EXPECT_THAT(TakeIndices(queue, small, At(103)), ElementsAre(2));
}

TEST_F(AdmissionQueueTest, AdmissionTokensAreASoftLimit) {
  AdmissionQueue queue({});
  ASSERT_TRUE(Push(queue, Make(0, 500), At(0)).ok());
  ASSERT_TRUE(Push(queue, Make(1, 500), At(0)).ok());
  EXPECT_THAT(TakeIndices(queue, {100, 10000, 100}, At(1)), ElementsAre(0));
  EXPECT_THAT(TakeIndices(queue, {100, 499, 1000}, At(1)), IsEmpty());
}

TEST_F(AdmissionQueueTest, RowsAreAHardLimit) {
  AdmissionQueue queue({});
  ASSERT_TRUE(Push(queue, Make(0, 10, 4), At(0)).ok());
  ASSERT_TRUE(Push(queue, Make(1, 10, 4), At(0)).ok());
  ASSERT_TRUE(Push(queue, Make(2, 11, 3), At(0)).ok());
  EXPECT_THAT(TakeIndices(queue, {7, 1000, 1000}, At(1)), ElementsAre(0, 2));
}

TEST_F(AdmissionQueueTest, FullIsResourceExhaustedWithARetryDelay) {
  AdmissionOptions options;
  options.max_sentences = 2;
  options.max_source_tokens = 100;
  AdmissionQueue queue(options);
  ASSERT_TRUE(Push(queue, Make(0, 60), At(0)).ok());
  EXPECT_TRUE(queue.CheckOpen({}, At(0)).ok());
  const absl::Status by_tokens = Push(queue, Make(1, 41), At(0));
  EXPECT_EQ(by_tokens.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GE(RetryDelay(by_tokens), absl::Milliseconds(50));
  ASSERT_TRUE(Push(queue, Make(1, 40), At(0)).ok());
  EXPECT_EQ(queue.CheckOpen({}, At(0)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      Push(queue, Make(2, 0), At(0)).message(),
      "the queue is full: 2 sentences of 100 tokens wait, allowed 2 and 100");
}

TEST_F(AdmissionQueueTest, ARequestIsTakenWholeOrNotAtAll) {
  AdmissionOptions options;
  options.max_sentences = 3;
  AdmissionQueue queue(options);
  ASSERT_TRUE(queue.Push({Make(0, 1), Make(1, 1)}, At(0)).ok());
  EXPECT_EQ(queue.Push({Make(2, 1), Make(3, 1)}, At(0)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(queue.load().sentences, 2);
  EXPECT_EQ(queue.Push({Make(0, 1), Make(1, 1), Make(2, 1), Make(3, 1)}, At(0))
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(AdmissionQueueTest, ExpiredAreRefusedByTake) {
  AdmissionQueue queue({});
  Sentence sentence = Make(0, 10);
  sentence.deadline = At(5);
  ASSERT_TRUE(Push(queue, std::move(sentence), At(0)).ok());
  ASSERT_TRUE(Push(queue, Make(1, 10), At(0)).ok());
  const Taken taken = queue.Take({0, 0, 0}, At(5));
  EXPECT_THAT(taken.sentences, IsEmpty());
  ASSERT_EQ(taken.refusals.size(), 1u);
  EXPECT_EQ(taken.refusals[0].sentence.index, 0);
  EXPECT_EQ(taken.refusals[0].status.code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(queue.load().sentences, 1);
}

TEST_F(AdmissionQueueTest, AbandonedAreRefused) {
  AdmissionQueue queue({});
  Sentence sentence = Make(0, 10);
  sentence.group = &gone_;
  ASSERT_TRUE(Push(queue, sentence, At(0)).ok());
  Taken taken = queue.Take(kPlenty, At(1));
  EXPECT_THAT(taken.sentences, IsEmpty());
  ASSERT_EQ(taken.refusals.size(), 1u);
  EXPECT_EQ(taken.refusals[0].status.code(), absl::StatusCode::kCancelled);

  ASSERT_TRUE(Push(queue, sentence, At(0)).ok());
  ASSERT_TRUE(Push(queue, Make(1, 10), At(0)).ok());
  EXPECT_EQ(queue.RemoveGroup(gone_.id()).size(), 1u);
  EXPECT_EQ(queue.load().sentences, 1);
}

TEST_F(AdmissionQueueTest, RemovingAGroupLooksAtNoOther) {
  AdmissionQueue queue({});
  SentenceGroup other(10, [] {});
  other.Abandon();  // which would be seen
  for (int i = 0; i < 3; ++i) {
    Sentence sentence = Make(i, 10);
    sentence.group = &other;
    ASSERT_TRUE(Push(queue, sentence, At(0)).ok());
    sentence.group = &gone_;
    ASSERT_TRUE(Push(queue, sentence, At(0)).ok());
  }
  const std::vector<Refusal> refusals = queue.RemoveGroup(gone_.id());
  ASSERT_EQ(refusals.size(), 3u);
  for (const Refusal& refusal : refusals) {
    EXPECT_EQ(refusal.sentence.group, &gone_);
    EXPECT_EQ(refusal.status.code(), absl::StatusCode::kCancelled);
  }
  EXPECT_EQ(queue.load().sentences, 3);
  EXPECT_THAT(queue.RemoveGroup(gone_.id()), IsEmpty());
}

TEST_F(AdmissionQueueTest, AWaitThatLeavesTooLittleTimeIsRefusedAtOnce) {
  AdmissionQueue queue({});
  queue.ObserveBacklog(1000, absl::Seconds(1), At(0));  // 1 ms a token
  ASSERT_TRUE(Push(queue, Make(0, 100), At(0)).ok());
  Sentence sentence = Make(1, 10);
  sentence.deadline = At(110);
  const absl::Status status = Push(queue, sentence, At(0));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(),
            "the queue is too long for the deadline: expected to take 100 ms, "
            "the deadline leaves 110 ms");
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(50));  // at the least
  EXPECT_EQ(queue.CheckOpen({At(110), {}}, At(0)), status);
  // Time in the session is not known yet.
  sentence.deadline = At(112);
  EXPECT_TRUE(Push(queue, sentence, At(0)).ok());
  sentence.deadline = At(0);
  EXPECT_EQ(Push(queue, sentence, At(0)).code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(AdmissionQueueTest, MostOfTheTimeIsForTheSession) {
  AdmissionOptions options;
  options.max_batch_rows = 100;
  AdmissionQueue queue(options);
  LearnOneMillisecondARow(queue);  // and so ten steps 1 s in a full session
  queue.ObserveBacklog(1000, absl::Seconds(1), At(0));  // 1 ms a token
  ASSERT_TRUE(Push(queue, MakeLong(0, 100), At(0)).ok());
  Sentence sentence = MakeLong(1, 10);
  sentence.deadline = At(399);  // a quarter is less than 100 ms
  EXPECT_EQ(Push(queue, sentence, At(0)).code(),
            absl::StatusCode::kResourceExhausted);
  sentence.deadline = At(401);
  EXPECT_TRUE(Push(queue, sentence, At(0)).ok());
}

TEST_F(AdmissionQueueTest, ADeadlineTooShortForAnyServerIsToldSo) {
  AdmissionQueue queue({});
  LearnOneMillisecondARow(queue);
  Sentence sentence = MakeLong(0, 20);
  sentence.deadline = At(21);
  EXPECT_EQ(Push(queue, sentence, At(0)).message(),
            "refused: expected to take 20 ms, the deadline leaves 21 ms");
  // Somebody is free to try, and to learn that it is so.
  EXPECT_TRUE(queue.Push({sentence}, At(0), /*idle_workers=*/1).ok());
}

TEST_F(AdmissionQueueTest, ARequestTooLargeForItsDeadlineIsToldSo) {
  AdmissionQueue queue({});
  queue.ObserveBacklog(1000, absl::Seconds(1), At(0));  // 1 ms a token
  std::vector<Sentence> sentences;
  for (int i = 0; i < 11; ++i) {
    sentences.push_back(Make(i, 10));
    sentences.back().deadline = At(99);
  }
  for (const int idle_workers : {1, 0}) {
    EXPECT_EQ(queue.Push(sentences, At(0), idle_workers).message(),
              "refused: expected to take 100 ms, the deadline leaves 99 ms");
  }
  sentences.pop_back();
  EXPECT_TRUE(queue.Push(sentences, At(0), /*idle_workers=*/1).ok());
}

TEST_F(AdmissionQueueTest, NoMoreAreTakenThanFinishInTime) {
  AdmissionQueue queue({});
  LearnOneMillisecondARow(queue);
  for (int i = 0; i < 20; ++i) {
    Sentence sentence = MakeLong(i, 10);
    sentence.deadline = At(101);  // 90.9 ms to plan with for ten steps
    ASSERT_TRUE(Push(queue, sentence, At(0)).ok());
  }
  TokenBudget budget = kPlenty;
  budget.live_rows = 2;
  EXPECT_EQ(queue.Take(budget, At(0)).sentences.size(), 7u);
  // Those that could bear no company are not begun.
  const Taken taken = queue.Take(budget, At(99));
  EXPECT_THAT(taken.sentences, IsEmpty());
  ASSERT_EQ(taken.refusals.size(), 13u);
  EXPECT_EQ(taken.refusals[0].status.message(),
            "no room in time: expected to take 10 ms alone, the deadline "
            "leaves 2 ms beside others");
}

TEST_F(AdmissionQueueTest, AnEmptySessionTakesOneWhateverIsExpected) {
  AdmissionQueue queue({});
  LearnOneMillisecondARow(queue);
  Sentence sentence = MakeLong(0, 20);
  sentence.deadline = At(10);
  ASSERT_TRUE(queue.Push({sentence}, At(0), /*idle_workers=*/1).ok());
  EXPECT_THAT(TakeIndices(queue, kPlenty, At(0)), ElementsAre(0));
}

// Random traffic against the contract of the header.
class RandomTraffic {
 public:
  explicit RandomTraffic(int seed) : random_(seed) {
    options_.max_sentences = 50;
    options_.max_source_tokens = 1500;
    options_.max_age = absl::Milliseconds(40);
    queue_ = std::make_unique<AdmissionQueue>(options_);
  }

  void Run(int events) {
    for (int i = 0; i < events; ++i) {
      now_ += absl::Milliseconds(Below(10));
      switch (Below(5)) {
        case 0:
        case 1:
          PushSome();
          break;
        case 2:
        case 3:
          TakeSome(RandomBudget());
          break;
        case 4:
          AbandonOne();
          break;
      }
      ASSERT_LE(queue_->load().sentences, options_.max_sentences);
      ASSERT_LE(queue_->load().source_tokens, options_.max_source_tokens);
      ASSERT_EQ(queue_->load().sentences, static_cast<int>(waiting_.size()));
    }
    while (!waiting_.empty()) {
      ASSERT_NO_FATAL_FAILURE(TakeSome(kPlenty));
    }
    EXPECT_GT(served_, events / 10);
    EXPECT_GT(refused_, 0);
  }

 private:
  struct Waiting {
    absl::Time arrival;
    int tokens = 0;
    int rows = 0;
  };

  int Below(int n) { return static_cast<int>(random_() % n); }

  TokenBudget RandomBudget() { return {Below(12), Below(300), 1 + Below(200)}; }

  void PushSome() {
    groups_.push_back(std::make_unique<SentenceGroup>(100, [] {}));
    std::vector<Sentence> sentences;
    for (int n = 1 + Below(8); n > 0; --n) {
      Sentence sentence;
      sentence.index = next_index_++;
      sentence.source_tokens = 1 + Below(200);
      sentence.options.beam_size = 1 + Below(8);
      sentence.group = groups_.back().get();
      if (Below(4) == 0)
        sentence.deadline = now_ + absl::Milliseconds(1 + Below(99));
      sentences.push_back(sentence);
    }
    const std::vector<Sentence> copy = sentences;
    if (!queue_->Push(std::move(sentences), now_).ok()) return;
    for (const Sentence& s : copy) {
      waiting_[s.index] = {now_, s.source_tokens, s.rows()};
    }
  }

  void TakeSome(const TokenBudget& budget) {
    const Taken taken = queue_->Take(budget, now_);
    for (const Refusal& refusal : taken.refusals) {
      const Sentence& s = refusal.sentence;
      ASSERT_TRUE(s.group->abandoned() || s.deadline <= now_);
      ASSERT_EQ(waiting_.erase(s.index), 1u) << "answered twice";
      ++refused_;
    }
    int rows = 0, tokens = 0, youngest = -1;
    for (const Sentence& s : taken.sentences) {
      ASSERT_FALSE(s.group->abandoned());
      ASSERT_GT(s.deadline, now_);
      rows += s.rows();
      tokens += s.source_tokens;
      youngest = std::max(youngest, s.index);
      ASSERT_EQ(waiting_.erase(s.index), 1u) << "answered twice";
      ++served_;
    }
    ASSERT_EQ(taken.source_tokens, tokens);
    ASSERT_LE(rows, budget.rows);
    ASSERT_LE(tokens, budget.source_tokens);
    if (taken.sentences.size() > 1) {
      ASSERT_LE(tokens, budget.admission_tokens);
    }
    // Nobody overtook one that is overdue.
    for (const auto& [index, waiting] : waiting_) {
      if (now_ - waiting.arrival > options_.max_age) {
        ASSERT_GT(index, youngest);
      }
    }
    // An empty hand means that the oldest did not fit, or nobody waits.
    if (taken.sentences.empty() && !waiting_.empty()) {
      const Waiting& oldest = waiting_.begin()->second;
      ASSERT_TRUE(oldest.rows > budget.rows ||
                  oldest.tokens > budget.source_tokens);
    }
  }

  void AbandonOne() {
    if (groups_.empty()) return;
    SentenceGroup& group = *groups_[Below(static_cast<int>(groups_.size()))];
    group.Abandon();
    if (Below(2) == 0) return;  // Take meets it
    for (const Refusal& refusal : queue_->RemoveGroup(group.id())) {
      ASSERT_EQ(refusal.sentence.group, &group);
      ASSERT_EQ(waiting_.erase(refusal.sentence.index), 1u);
      ++refused_;
    }
  }

  std::mt19937 random_;
  AdmissionOptions options_;
  std::unique_ptr<AdmissionQueue> queue_;
  absl::Time now_ = kStart;
  int next_index_ = 0;
  int served_ = 0;
  int refused_ = 0;
  std::map<int, Waiting> waiting_;
  std::vector<std::unique_ptr<SentenceGroup>> groups_;
};

TEST(AdmissionQueuePropertyTest, RandomTraffic) {
  for (int seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    RandomTraffic traffic(seed);
    ASSERT_NO_FATAL_FAILURE(traffic.Run(1000));
  }
}

}  // namespace
}  // namespace peregrine::server
