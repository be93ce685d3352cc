#include "client/bulk_window.h"

#include <string>

#include "absl/random/random.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1000);

v1::Translation MakeTranslation(const std::string& text) {
  v1::Translation translation;
  translation.add_hypotheses()->set_text(text);
  return translation;
}

std::string TextOf(const BulkResult& result) {
  return result.translation.value().hypotheses(0).text();
}

TEST(BulkWindowTest, GivesOutInTheOrderRead) {
  BulkWindow window(3, RetryPolicy());
  window.Add("a");
  window.Add("b");
  EXPECT_EQ(window.TakeDue(kNow)->text, "a");
  EXPECT_EQ(window.TakeDue(kNow)->text, "b");
  EXPECT_FALSE(window.TakeDue(kNow).has_value());

  window.Answer(1, MakeTranslation("B"), kNow);
  EXPECT_FALSE(window.TakeFinished().has_value());
  window.Answer(0, MakeTranslation("A"), kNow);
  EXPECT_EQ(TextOf(*window.TakeFinished()), "A");
  const BulkResult second = *window.TakeFinished();
  EXPECT_EQ(TextOf(second), "B");
  EXPECT_EQ(second.index, 1);
  EXPECT_EQ(second.text, "b");
  EXPECT_TRUE(window.IsEmpty());
}

TEST(BulkWindowTest, HasRoomUntilFullAndAgainOnceTheOldestIsOut) {
  BulkWindow window(2, RetryPolicy());
  window.Add("a");
  EXPECT_TRUE(window.HasRoom());
  window.Add("b");
  EXPECT_FALSE(window.HasRoom());
  window.TakeDue(kNow);
  window.TakeDue(kNow);
  window.Answer(1, MakeTranslation("B"), kNow);
  window.TakeFinished();
  EXPECT_FALSE(window.HasRoom()) << "b waits for a";
  window.Answer(0, MakeTranslation("A"), kNow);
  window.TakeFinished();
  EXPECT_TRUE(window.HasRoom());
}

TEST(BulkWindowTest, RetriesAfterAPauseUntilAttemptsRunOut) {
  RetryPolicy policy;
  policy.max_attempts = 2;
  policy.first_pause = absl::Seconds(1);
  BulkWindow window(1, policy);
  window.Add("a");
  window.TakeDue(kNow);
  window.Answer(0, absl::ResourceExhaustedError("full"), kNow);
  EXPECT_FALSE(window.HasFinished());
  EXPECT_GE(window.NextDue(), kNow + absl::Seconds(0.5));
  EXPECT_LE(window.NextDue(), kNow + absl::Seconds(1));
  EXPECT_FALSE(window.TakeDue(kNow).has_value());

  const absl::Time later = kNow + absl::Seconds(1);
  EXPECT_EQ(window.TakeDue(later)->index, 0);
  window.Answer(0, absl::ResourceExhaustedError("full"), later);
  EXPECT_EQ(window.TakeFinished()->translation.status(),
            absl::ResourceExhaustedError("full"));
}

TEST(BulkWindowTest, NoTextGivesUpWhileOthersAreAnswered) {
  RetryPolicy policy;
  policy.max_attempts = 2;
  BulkWindow window(100, policy);
  window.Add("a");
  absl::Time now = kNow;
  const auto refuse = [&] {
    now += absl::Seconds(10);
    EXPECT_EQ(window.TakeDue(now)->index, 0);
    window.Answer(0, absl::ResourceExhaustedError("full"), now);
  };
  for (int i = 1; i < 20; ++i) {
    refuse();
    EXPECT_FALSE(window.HasFinished());
    window.Add("b");
    EXPECT_EQ(window.TakeDue(now)->index, i);
    window.Answer(i, MakeTranslation("B"), now);
  }
  refuse();
  EXPECT_FALSE(window.HasFinished());
  refuse();
  EXPECT_TRUE(window.HasFinished());
}

TEST(BulkWindowTest, LastingErrorsAreFinalAtOnce) {
  BulkWindow window(1, RetryPolicy());
  window.Add("a");
  window.TakeDue(kNow);
  window.Answer(0, absl::InvalidArgumentError("bad"), kNow);
  EXPECT_TRUE(
      absl::IsInvalidArgument(window.TakeFinished()->translation.status()));
}

TEST(BulkWindowTest, BrokenStreamPutsBackOnlyWhatWasSentAndNotAnswered) {
  BulkWindow window(3, RetryPolicy());
  window.Add("a");
  window.Add("b");
  window.Add("c");
  window.TakeDue(kNow);
  window.TakeDue(kNow);
  window.Answer(1, MakeTranslation("B"), kNow);
  window.TakeBackSent();

  EXPECT_EQ(window.TakeDue(kNow)->text, "a");
  EXPECT_EQ(window.TakeDue(kNow)->text, "c");
  EXPECT_FALSE(window.TakeDue(kNow).has_value());
}

TEST(BulkWindowTest, IgnoresAnswersNobodyAskedFor) {
  BulkWindow window(2, RetryPolicy());
  window.Add("a");
  window.Answer(0, MakeTranslation("not sent yet"), kNow);
  window.Answer(-1, MakeTranslation("?"), kNow);
  window.Answer(7, MakeTranslation("?"), kNow);
  EXPECT_FALSE(window.HasFinished());
  window.TakeDue(kNow);
  window.Answer(0, MakeTranslation("A"), kNow);
  window.Answer(0, MakeTranslation("twice"), kNow);
  EXPECT_EQ(TextOf(*window.TakeFinished()), "A");
}

TEST(BulkWindowTest, UnfitTextIsGivenOutInItsPlace) {
  BulkWindow window(2, RetryPolicy());
  window.Add("a");
  window.AddFailed("b", absl::InvalidArgumentError("not UTF-8"));
  EXPECT_EQ(window.TakeDue(kNow)->text, "a");
  EXPECT_EQ(window.NextDue(), absl::InfiniteFuture());
  EXPECT_FALSE(window.HasFinished());
  window.Answer(0, MakeTranslation("A"), kNow);
  EXPECT_EQ(window.TakeFinished()->index, 0);
  EXPECT_EQ(window.TakeFinished()->text, "b");
}

TEST(RetryPolicyTest, PausesDoubleUpToTheLongest) {
  RetryPolicy policy;
  policy.first_pause = absl::Seconds(1);
  policy.longest_pause = absl::Seconds(6);
  absl::BitGen random;
  const int longest_after[] = {1, 2, 4, 6, 6};
  for (int attempt = 1; attempt <= 5; ++attempt) {
    const absl::Duration longest = absl::Seconds(longest_after[attempt - 1]);
    for (int i = 0; i < 100; ++i) {
      const absl::Duration pause = policy.Pause(attempt, random);
      EXPECT_LE(pause, longest);
      EXPECT_GE(pause, longest / 2);
    }
  }
}

}  // namespace
}  // namespace peregrine::client
