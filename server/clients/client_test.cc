#include "server/clients/client.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

absl::Time At(int milliseconds) {
  return absl::UnixEpoch() + absl::Milliseconds(milliseconds);
}

TEST(RateLimiterTest, ASecondsWorthAtOnceThenTheRate) {
  RateLimiter rate;
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(rate.Take(10, At(0)), absl::ZeroDuration()) << i;
  }
  EXPECT_EQ(rate.Take(10, At(0)), absl::Milliseconds(100));
  EXPECT_EQ(rate.Take(10, At(60)), absl::Milliseconds(40));
  EXPECT_EQ(rate.Take(10, At(100)), absl::ZeroDuration());
  EXPECT_GT(rate.Take(10, At(100)), absl::ZeroDuration());
  // No more than a second's worth is saved up.
  int taken = 0;
  while (rate.Take(10, At(100000)) == absl::ZeroDuration()) ++taken;
  EXPECT_EQ(taken, 10);
}

TEST(RateLimiterTest, LessThanOneASecond) {
  RateLimiter rate;
  EXPECT_EQ(rate.Take(0.5, At(0)), absl::ZeroDuration());
  EXPECT_EQ(rate.Take(0.5, At(0)), absl::Seconds(2));
  EXPECT_EQ(rate.Take(0.5, At(2000)), absl::ZeroDuration());
}

TEST(RateLimiterTest, AClockThatGoesBackGivesNothing) {
  RateLimiter rate;
  EXPECT_EQ(rate.Take(1, At(5000)), absl::ZeroDuration());
  EXPECT_GT(rate.Take(1, At(0)), absl::ZeroDuration());
  EXPECT_GT(rate.Take(1, At(5500)), absl::ZeroDuration());
}

TEST(ClientTest, WithoutLimitsEverythingEnters) {
  Client client("any", 1);
  for (int i = 0; i < 10000; ++i) ASSERT_TRUE(client.Enter(At(0)).ok());
}

TEST(ClientTest, RequestsUnderWay) {
  auto client = std::make_shared<Client>("team", 1);
  ClientLimits limits;
  limits.max_requests = 2;
  client->SetLimits(limits);
  ClientTicket first;
  ASSERT_TRUE(first.Enter(client, At(0)).ok());
  {
    ClientTicket second, third;
    ASSERT_TRUE(second.Enter(client, At(0)).ok());
    const absl::Status status = third.Enter(client, At(0));
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(status.message(), "2 requests of team are under way, allowed 2");
    EXPECT_GT(RetryDelay(status), absl::ZeroDuration());
  }
  // The one that was refused has taken no place.
  ClientTicket next, last;
  EXPECT_TRUE(next.Enter(client, At(0)).ok());
  EXPECT_FALSE(last.Enter(client, At(0)).ok());
}

TEST(ClientTest, RequestsPerSecond) {
  Client client("team", 1);
  ClientLimits limits;
  limits.requests_per_second = 2;
  client.SetLimits(limits);
  ASSERT_TRUE(client.Enter(At(0)).ok());
  ASSERT_TRUE(client.Enter(At(0)).ok());
  const absl::Status status = client.Enter(At(0));
  EXPECT_EQ(status.message(),
            "requests of team come too fast, allowed 2 a second");
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(500));
  EXPECT_TRUE(client.Enter(At(500)).ok());
}

}  // namespace
}  // namespace peregrine::server
