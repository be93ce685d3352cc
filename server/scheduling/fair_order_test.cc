#include "server/scheduling/fair_order.h"

#include <map>
#include <utility>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

// A queue that serves by tag, one sentence at a time.
class FairOrderTest : public ::testing::Test {
 protected:
  void Join(const Flow& flow, int tokens, int count = 1) {
    for (int i = 0; i < count; ++i) {
      queue_.emplace(std::pair(order_.Join(flow, tokens), next_++),
                     std::pair(flow.id, tokens));
    }
  }
  uint64_t Serve() {
    const auto first = queue_.begin();
    const auto [flow, tokens] = first->second;
    order_.AdvanceTo(first->first.first);
    order_.Leave(flow, tokens);
    queue_.erase(first);
    return flow;
  }
  std::map<uint64_t, int> ServeSome(int count) {
    std::map<uint64_t, int> served;
    for (int i = 0; i < count; ++i) ++served[Serve()];
    return served;
  }

  FairOrder order_;
  int next_ = 0;
  std::map<std::pair<double, int>, std::pair<uint64_t, int>> queue_;
};

constexpr Flow kOne = {1, 1, true};
constexpr Flow kTwo = {2, 1, true};

TEST_F(FairOrderTest, TheTagsOfOneFlowAscend) {
  double last = -1;
  for (int tokens : {5, 1, 100, 3}) {
    const double tag = order_.Join(kOne, tokens);
    EXPECT_GT(tag, last);
    last = tag;
  }
}

TEST_F(FairOrderTest, ALateComerDoesNotWaitForAnothersBacklog) {
  Join(kOne, 10, 1000);
  ServeSome(100);
  Join(kTwo, 10, 3);
  // The next of each in turn.
  EXPECT_EQ(ServeSome(7)[2], 3);
}

TEST_F(FairOrderTest, BacklogsShareByWeight) {
  Join({1, 1, true}, 10, 1000);
  Join({2, 4, true}, 10, 1000);
  auto served = ServeSome(500);
  EXPECT_NEAR(served[1], 100, 2);
  EXPECT_NEAR(served[2], 400, 2);
}

TEST_F(FairOrderTest, SharesAreOfTokensNotSentences) {
  Join(kOne, 40, 1000);
  Join(kTwo, 10, 1000);
  auto served = ServeSome(500);
  EXPECT_NEAR(served[1], 100, 2);
  EXPECT_NEAR(served[2], 400, 2);
}

TEST_F(FairOrderTest, AFlowThatWasAwayHasSavedNothingUp) {
  Join(kOne, 10, 1000);
  Join(kTwo, 10, 1);
  ServeSome(500);
  Join(kTwo, 10, 400);
  EXPECT_NEAR(ServeSome(200)[2], 100, 2);
}

TEST_F(FairOrderTest, TokensBefore) {
  EXPECT_EQ(order_.TokensBefore(kOne, 10), 0);
  Join(kOne, 10, 100);
  // Its own go first, all of them.
  EXPECT_EQ(order_.TokensBefore(kOne, 10), 1000);
  // Of another flow as many as its share has room for meanwhile.
  EXPECT_EQ(order_.TokensBefore(kTwo, 10), 10);
  EXPECT_EQ(order_.TokensBefore({2, 5, true}, 10), 2);
  EXPECT_EQ(order_.TokensBefore(kTwo, 5000), 1000);
}

}  // namespace
}  // namespace peregrine::server
