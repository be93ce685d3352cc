#include "server/connections/peer_accounts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "server/connections/loopback_peers.h"

namespace peregrine::server {
namespace {

using PeerAccountsTest = LoopbackPeers;

TEST_F(PeerAccountsTest, WhatBecameCallsWeighsNothing) {
  const absl::Time start = absl::UnixEpoch();
  const Connection good = Connect(100000);
  const Connection bad = Connect(20000);
  const Connection worse = Connect(30000);
  const Connection idle = Connect(10);
  accounts_.Account(good.peer, 100000);
  auto heavy = accounts_.FindHeavy(1000, start);
  ASSERT_EQ(heavy.size(), 2u);
  EXPECT_EQ(heavy[0].peer, worse.peer);
  EXPECT_EQ(heavy[0].bytes, 30000);
  EXPECT_EQ(heavy[1].peer, bad.peer);
  accounts_.ShutDown({heavy[0]});
  EXPECT_TRUE(IsShutDown(worse));
  EXPECT_FALSE(IsShutDown(bad));
  // gRPC closes it some time later; until then it is not found again.
  heavy = accounts_.FindHeavy(1000, start + absl::Seconds(1));
  ASSERT_EQ(heavy.size(), 1u);
  EXPECT_EQ(heavy[0].peer, bad.peer);
  EXPECT_EQ(heavy[0].since, start);
  EXPECT_FALSE(IsShutDown(good));
  EXPECT_FALSE(IsShutDown(idle));
  for (const Connection& one : {good, bad, worse, idle}) Close(one);
}

TEST_F(PeerAccountsTest, ManyCallsDoNotPayForAnAttack) {
  const Connection one = Connect(1000);
  accounts_.Account(one.peer, 1 << 20);  // headers are counted generously
  EXPECT_TRUE(accounts_.FindHeavy(1000, absl::UnixEpoch()).empty());
  Send(one, 5000);
  const auto heavy = accounts_.FindHeavy(1000, absl::UnixEpoch());
  ASSERT_EQ(heavy.size(), 1u);
  EXPECT_EQ(heavy[0].bytes, 5000);
  Close(one);
}

TEST_F(PeerAccountsTest, WindowsAreAllowedAndAnswersWeigh) {
  const Connection one = Connect(50000);
  accounts_.Allow(one.peer, 65536);  // a stream opens
  EXPECT_TRUE(accounts_.FindHeavy(1000, absl::UnixEpoch()).empty());
  accounts_.Allow(one.peer, -100000);  // an answer that nobody takes
  EXPECT_EQ(accounts_.FindHeavy(1000, absl::UnixEpoch()).at(0).bytes,
            50000 - 65536 + 100000);
  accounts_.Allow(one.peer, 100000);
  EXPECT_TRUE(accounts_.FindHeavy(1000, absl::UnixEpoch()).empty());
  Close(one);
}

TEST_F(PeerAccountsTest, AnotherFileOfTheSameNumberIsLeftAlone) {
  const Connection gone = Connect(20000);
  Close(gone);
  const int other = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_TRUE(accounts_.FindHeavy(0, absl::UnixEpoch()).empty());
  accounts_.RemoveClosed();
  close(other);
}

TEST_F(PeerAccountsTest, TellsWhereMostComeFrom) {
  EXPECT_EQ(accounts_.DescribeBusiest(), "");
  const Connection one = Connect(1), other = Connect(1);
  accounts_.Add("ipv4:10.0.0.7:1", one.server);
  EXPECT_EQ(accounts_.DescribeBusiest(),
            ", most connections from 127.0.0.1 (2 of 3)");
  EXPECT_EQ(accounts_.DescribeBusiest(), "");
  Close(one);
  Close(other);
}

TEST_F(PeerAccountsTest, NamesAreThoseOfGrpc) {
  sockaddr_storage address = {};
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(7);
  inet_pton(AF_INET6, "::1", &v6.sin6_addr);
  EXPECT_EQ(PeerAccounts::NameOf(address), "ipv6:%5B::1%5D:7");
  inet_pton(AF_INET6, "::ffff:10.0.0.1", &v6.sin6_addr);
  EXPECT_EQ(PeerAccounts::NameOf(address), "ipv4:10.0.0.1:7");
}

}  // namespace
}  // namespace peregrine::server
