#include "server/service/priority.h"

#include <set>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(PriorityTest, EachPriorityOfEachClientIsAFlow) {
  std::set<uint64_t> ids;
  for (uint64_t id = 0; id < 4; ++id) {
    const Client client("c", id);
    for (v1::Priority priority : {v1::PRIORITY_UNSPECIFIED, v1::PRIORITY_BULK,
                                  v1::PRIORITY_INTERACTIVE}) {
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
  EXPECT_EQ(FlowOf(client, v1::PRIORITY_BULK).weight, 3);
  EXPECT_EQ(FlowOf(client, v1::PRIORITY_UNSPECIFIED).weight, 12);
  EXPECT_EQ(FlowOf(client, v1::PRIORITY_INTERACTIVE).weight, 48);
}

TEST(PriorityTest, UnknownPrioritiesAreRefused) {
  for (int number : {-1, 3, 1000}) {
    Violations violations;
    CheckPriority(static_cast<v1::Priority>(number), violations);
    EXPECT_EQ(violations.status().code(), absl::StatusCode::kInvalidArgument)
        << number;
  }
  Violations none;
  CheckPriority(v1::PRIORITY_INTERACTIVE, none);
  EXPECT_TRUE(none.status().ok());
}

}  // namespace
}  // namespace peregrine::server
