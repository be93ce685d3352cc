#include "server/connections/peer_accounts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

// Real connections over loopback: what the kernel counts is what counts.
class PeerAccountsTest : public ::testing::Test {
 protected:
  PeerAccountsTest() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    listen(listener_, 10);
    socklen_t size = sizeof(address_);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address_), &size);
  }
  ~PeerAccountsTest() override {
    for (int fd : {listener_, client_, server_}) {
      if (fd >= 0) close(fd);
    }
  }

  struct Connection {
    int client;
    int server;
    std::string peer;
  };
  // Which has sent so many bytes.
  Connection Connect(size_t bytes) {
    Connection connection;
    connection.client = socket(AF_INET, SOCK_STREAM, 0);
    connect(connection.client, reinterpret_cast<sockaddr*>(&address_),
            sizeof(address_));
    sockaddr_storage peer = {};
    socklen_t size = sizeof(peer);
    connection.server =
        accept(listener_, reinterpret_cast<sockaddr*>(&peer), &size);
    connection.peer = PeerAccounts::NameOf(peer);
    accounts_.Add(connection.peer, connection.server);
    const std::string data(bytes, 'x');
    send(connection.client, data.data(), data.size(), 0);
    std::string received(bytes, '\0');
    recv(connection.server, received.data(), bytes, MSG_WAITALL);
    return connection;
  }
  static bool IsShutDown(const Connection& connection) {
    char byte;
    return recv(connection.client, &byte, 1, MSG_DONTWAIT) == 0;
  }
  static void Close(const Connection& connection) {
    close(connection.client);
    close(connection.server);
  }

  int listener_ = -1, client_ = -1, server_ = -1;
  sockaddr_in address_ = {};
  PeerAccounts accounts_;
};

TEST_F(PeerAccountsTest, WhatBecameCallsWeighsNothing) {
  const Connection good = Connect(100000);
  const Connection bad = Connect(20000);
  const Connection worse = Connect(30000);
  const Connection idle = Connect(10);
  accounts_.Account(good.peer, 100000);
  const auto shut = accounts_.ShutDownHeaviest(1, 1000);
  ASSERT_EQ(shut.size(), 1u);
  EXPECT_EQ(shut[0].peer, worse.peer);
  EXPECT_EQ(shut[0].bytes, 30000);
  EXPECT_TRUE(IsShutDown(worse));
  EXPECT_FALSE(IsShutDown(bad));
  Close(worse);
  EXPECT_EQ(accounts_.ShutDownHeaviest(10, 1000).size(), 1u);
  EXPECT_TRUE(IsShutDown(bad));
  EXPECT_FALSE(IsShutDown(good));
  EXPECT_FALSE(IsShutDown(idle));
  for (const Connection& connection : {good, bad, idle}) Close(connection);
}

TEST_F(PeerAccountsTest, AnotherFileOfTheSameNumberIsLeftAlone) {
  const Connection gone = Connect(20000);
  Close(gone);
  const int other = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_TRUE(accounts_.ShutDownHeaviest(10, 0).empty());
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
