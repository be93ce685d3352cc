#include "server/connections/memory_guard.h"

#include <vector>

#include "gtest/gtest.h"
#include "server/connections/loopback_peers.h"

namespace peregrine::server {
namespace {

constexpr int64_t kMiB = 1 << 20;

class MemoryGuardTest : public LoopbackPeers {
 protected:
  // With 100 MiB, of 1 GiB for the process and 256 MiB for connections.
  MemoryGuardTest()
      : guard_({1024 * kMiB, 256 * kMiB, [this] { return resident_; },
                [this] { resident_ -= free_; }},
               accounts_) {
    EXPECT_EQ(Shut(100), Names());
  }

  using Names = std::vector<std::string>;
  // Of those that are shut down when the process has so many MiB, 50 ms after
  // the last look.
  Names Shut(int64_t mebibytes) {
    now_ += absl::Milliseconds(50);
    resident_ = mebibytes * kMiB;
    Names names;
    for (const auto& one : guard_.Look(now_)) {
      names.push_back(one.peer);
    }
    return names;
  }

  int64_t resident_ = 0;
  int64_t free_ = 0;  // of it, for the allocator to give back
  absl::Time now_ = absl::UnixEpoch();
  MemoryGuard guard_;
};

TEST_F(MemoryGuardTest, TheHeaviestGoBeforeTheQuotaIsFull) {
  const Connection good = Connect(1000), bad = Connect(700000),
                   worse = Connect(1200000);
  EXPECT_EQ(Shut(150), Names());
  EXPECT_EQ(Shut(200), Names());
  EXPECT_EQ(Shut(229), Names{worse.peer});  // half of it, and of what is held
  EXPECT_EQ(Shut(240), Names());            // gRPC frees it by and by
  now_ += absl::Seconds(1);
  EXPECT_EQ(Shut(240), Names{bad.peer});
  now_ += absl::Seconds(1);
  EXPECT_EQ(Shut(300), Names());
  EXPECT_FALSE(IsShutDown(good));
  for (const Connection& one : {good, bad, worse}) Close(one);
}

TEST_F(MemoryGuardTest, AMessageOnItsWayIsNoAttack) {
  const Connection one = Connect(1000000);
  EXPECT_EQ(Shut(300), Names());
  accounts_.Account(one.peer, 1000000);
  EXPECT_EQ(Shut(400), Names());
  Close(one);
}

TEST_F(MemoryGuardTest, WhoHoldsLessIsGivenMoreTime) {
  const Connection one = Connect(700000);
  EXPECT_EQ(Shut(150), Names());
  for (int i = 0; i < 9; ++i) EXPECT_EQ(Shut(240), Names());
  EXPECT_EQ(Shut(240), Names{one.peer});
  Close(one);
}

TEST_F(MemoryGuardTest, TheMoreItHasGrownTheShorterTheTime) {
  const Connection one = Connect(1040000);
  EXPECT_EQ(Shut(150), Names());
  EXPECT_EQ(Shut(350), Names());
  now_ += absl::Milliseconds(50);
  EXPECT_EQ(Shut(350), Names{one.peer});  // after 150 ms instead of 500
  const Connection next = Connect(1200000);
  EXPECT_EQ(Shut(360), Names());
  EXPECT_EQ(Shut(360), Names{next.peer});  // no longer pause either
  for (const Connection& each : {one, next}) Close(each);
}

// Otherwise the next attack would fill it unseen.
TEST_F(MemoryGuardTest, WhatGrpcHasYetToFreeIsNotTheServersOwn) {
  const Connection bad = Connect(1200000);
  EXPECT_EQ(Shut(150), Names());
  EXPECT_EQ(Shut(300), Names{bad.peer});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Shut(300), Names());
  const Connection next = Connect(1200000);
  EXPECT_EQ(Shut(310), Names());
  EXPECT_EQ(Shut(310), Names{next.peer});
  for (const Connection& one : {bad, next}) Close(one);
}

TEST_F(MemoryGuardTest, GrowthWithoutHeavyConnectionsIsTheServersOwn) {
  const Connection good = Connect(1000);
  EXPECT_EQ(Shut(150), Names());
  EXPECT_EQ(Shut(600), Names());  // a model came
  const Connection slow = Connect(700000);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Shut(700), Names());
  for (const Connection& one : {good, slow}) Close(one);
}

// What one attack has left is not for the next one to fill unseen.
TEST_F(MemoryGuardTest, WhatIsFreeIsGivenBack) {
  free_ = 300 * kMiB;
  EXPECT_EQ(Shut(500), Names());
  EXPECT_EQ(resident_, 200 * kMiB);
  free_ = 0;
  const Connection bad = Connect(1200000);
  EXPECT_EQ(Shut(300), Names());
  EXPECT_EQ(Shut(320), Names());
  EXPECT_EQ(Shut(330), Names{bad.peer});
  Close(bad);
}

TEST_F(MemoryGuardTest, NearTheLimitOfTheProcessLessIsMuch) {
  const Connection idle = Connect(1000), some = Connect(5000),
                   more = Connect(9000);
  EXPECT_EQ(Shut(950), (Names{more.peer, some.peer}));
  EXPECT_EQ(Shut(950), Names());
  EXPECT_FALSE(IsShutDown(idle));
  for (const Connection& one : {idle, some, more}) Close(one);
}

}  // namespace
}  // namespace peregrine::server
