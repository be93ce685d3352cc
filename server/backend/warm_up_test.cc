#include "server/backend/warm_up.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/testing/fake_backend.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

TEST(WarmUpTest, WorksTheSessionAndLeavesItEmpty) {
  int steps = 0;
  FakeBackend::Options options;
  options.on_step = [&] { ++steps; };
  FakeBackend model(options);
  auto session = *model.MakeSession({});
  ASSERT_TRUE(WarmUp(model, *session).ok());
  EXPECT_GT(steps, 1);
  EXPECT_EQ(session->live_rows(), 0);
}

TEST(WarmUpTest, ShortPositionsAndSmallSessions) {
  FakeBackend::Options options;
  options.max_source_tokens = 3;
  options.max_target_tokens = 2;
  FakeBackend model(options);
  // Room for one sentence; then for none, which is not for WarmUp to judge.
  for (int rows : {2, 1}) {
    decode::SessionLimits limits;
    limits.max_rows = rows;
    auto session = *model.MakeSession(limits);
    EXPECT_TRUE(WarmUp(model, *session).ok()) << rows;
  }
}

TEST(WarmUpTest, AScoreThatIsNotANumberIsAnError) {
  FakeBackend::Options options;
  options.score = std::numeric_limits<float>::quiet_NaN();
  FakeBackend model(options);
  auto session = *model.MakeSession({});
  const absl::Status status = WarmUp(model, *session);
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("model fake: found a score of nan"));
}

}  // namespace
}  // namespace peregrine::server
