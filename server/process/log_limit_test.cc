#include "server/process/log_limit.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(LogLimitTest, SoManyASecondAndTheRestIsCounted) {
  LogLimit limit(2);
  const absl::Time start = absl::UnixEpoch();
  int logged = 0;
  for (int i = 0; i < 1000; ++i) {
    logged += limit.Next(start + absl::Microseconds(i)).log;
  }
  EXPECT_EQ(logged, 2);
  const LogLimit::Decision next = limit.Next(start + absl::Seconds(1));
  EXPECT_TRUE(next.log);
  EXPECT_EQ(next.left_out, 998);
  EXPECT_EQ(limit.Next(start + absl::Seconds(1)).left_out, 0);
}

}  // namespace
}  // namespace peregrine::server
