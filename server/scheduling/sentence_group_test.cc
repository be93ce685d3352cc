#include "server/scheduling/sentence_group.h"

#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

SentenceAnswer AnswerOf(int tokens) {
  SentenceAnswer answer;
  answer.source_tokens = tokens;
  return answer;
}

TEST(SentenceGroupTest, CompletesWithTheLastAnswer) {
  int completions = 0;
  SentenceGroup group(2, [&] { ++completions; });
  group.Answer(1, AnswerOf(7));
  EXPECT_EQ(completions, 0);
  group.Answer(0, AnswerOf(5));
  EXPECT_EQ(completions, 1);
  EXPECT_TRUE(group.status().ok());
  EXPECT_EQ(group.answer(0).source_tokens, 5);
  EXPECT_EQ(group.answer(1).source_tokens, 7);
}

TEST(SentenceGroupTest, TheFirstFailureIsTold) {
  SentenceGroup group(3, [] {});
  group.Answer(0, AnswerOf(1));
  EXPECT_FALSE(group.abandoned());
  group.Answer(2, absl::DeadlineExceededError("first"));
  EXPECT_TRUE(group.abandoned());
  group.Answer(1, absl::CancelledError("second"));
  EXPECT_EQ(group.status(), absl::DeadlineExceededError("first"));
}

TEST(SentenceGroupTest, MayBeDestroyedOnCompletion) {
  std::unique_ptr<SentenceGroup> group;
  group = std::make_unique<SentenceGroup>(1, [&] { group.reset(); });
  group->Answer(0, AnswerOf(1));
  EXPECT_EQ(group, nullptr);
}

TEST(SentenceGroupTest, ManyThreadsCompleteOnce) {
  constexpr int kSize = 64;
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> completions{0};
    int sum = 0;
    std::unique_ptr<SentenceGroup> group;
    group = std::make_unique<SentenceGroup>(kSize, [&] {
      for (int i = 0; i < kSize; ++i) sum += group->answer(i).source_tokens;
      ++completions;
    });
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = t; i < kSize; i += 4) group->Answer(i, AnswerOf(i));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(completions, 1);
    EXPECT_EQ(sum, kSize * (kSize - 1) / 2);
  }
}

}  // namespace
}  // namespace peregrine::server
