#include "server/service/stable_text.h"

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

class StableTextTest : public ::testing::Test {
 protected:
  StableTextTest()
      : plan_(backend_.Plan("ab\ncd", {})),
        stable_(plan_->Begin(), 2, [this] { ++told_; }) {}

  static SentenceAnswer Answer(const std::string& text) {
    SentenceAnswer answer;
    answer.hypotheses.emplace_back().tokens.assign(text.begin(), text.end());
    return answer;
  }

  FakeBackend backend_;
  std::unique_ptr<PlannedText> plan_;
  int told_ = 0;
  StableText stable_;
};

TEST_F(StableTextTest, WhatIsNotTakenBecomesOne) {
  stable_.OnStable(0, {'A'});
  stable_.OnStable(0, {'A', 'B'});
  EXPECT_EQ(told_, 2);
  StableText::More more = stable_.Take();
  EXPECT_EQ(more.text, "AB");
  EXPECT_EQ(more.begin, 0u);
  EXPECT_EQ(stable_.Take().text, "");
  stable_.OnAnswer(0, Answer("AB"));
  EXPECT_EQ(told_, 3);
  more = stable_.Take();
  EXPECT_EQ(more.text, "\n");
  EXPECT_EQ(more.begin, 2u);
}

TEST_F(StableTextTest, LaterSentencesWaitForThoseBefore) {
  stable_.OnStable(1, {'C'});
  EXPECT_EQ(told_, 0);
  stable_.OnStable(0, {'A'});
  EXPECT_EQ(stable_.Take().text, "A");
  stable_.OnAnswer(0, Answer("AB"));
  EXPECT_EQ(stable_.Take().text, "B\nC");
}

TEST_F(StableTextTest, TheLastAnswerIsNotTold) {
  stable_.OnAnswer(1, Answer("CD"));
  EXPECT_EQ(told_, 0);
  stable_.OnAnswer(0, Answer("AB"));
  EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace peregrine::server
