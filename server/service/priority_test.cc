#include "server/service/priority.h"

#include <set>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(PriorityTest, EachPriorityOfEachClientIsAFlow) {
  std::set<uint64_t> ids;
  for (uint64_t id = 0; id < 4; ++id) {
    const Client client("c", id);
    for (int priority = 0; priority < kPriorities; ++priority) {
      const Flow flow = FlowOf(client, priority);
      EXPECT_TRUE(ids.insert(flow.id).second);
      EXPECT_EQ(flow.known, id != 0);
    }
  }
}

TEST(PriorityTest, WeightsOfClientAndPriorityMultiply) {
  Client client("c", 1);
  ClientLimits limits;
  limits.weight = 3;
  client.SetLimits(limits);
  EXPECT_EQ(FlowOf(client, static_cast<int>(Priority::kBulk)).weight, 3);
  EXPECT_EQ(FlowOf(client, static_cast<int>(Priority::kUnspecified)).weight,
            12);
  EXPECT_EQ(FlowOf(client, static_cast<int>(Priority::kInteractive)).weight,
            48);
}

TEST(PriorityTest, UnknownPrioritiesAreRefused) {
  for (int number : {-1, 3, 1000}) {
    Violations violations;
    CheckPriority(number, violations);
    EXPECT_EQ(violations.status().code(), absl::StatusCode::kInvalidArgument)
        << number;
  }
  Violations none;
  CheckPriority(static_cast<int>(Priority::kInteractive), none);
  EXPECT_TRUE(none.status().ok());
}

}  // namespace
}  // namespace peregrine::server
