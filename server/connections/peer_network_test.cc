#include "server/connections/peer_network.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

sockaddr_storage V4(const char* text) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  EXPECT_EQ(inet_pton(AF_INET, text, &address.sin_addr), 1) << text;
  sockaddr_storage any = {};
  std::memcpy(&any, &address, sizeof(address));
  return any;
}

sockaddr_storage V6(const char* text) {
  sockaddr_in6 address = {};
  address.sin6_family = AF_INET6;
  EXPECT_EQ(inet_pton(AF_INET6, text, &address.sin6_addr), 1) << text;
  sockaddr_storage any = {};
  std::memcpy(&any, &address, sizeof(address));
  return any;
}

TEST(PeerNetworkTest, AnAddressOfIpv4IsOne) {
  EXPECT_EQ(PeerNetwork(V4("192.0.2.1")), PeerNetwork(V4("192.0.2.1")));
  EXPECT_NE(PeerNetwork(V4("192.0.2.1")), PeerNetwork(V4("192.0.2.2")));
  EXPECT_EQ(PeerNetwork(V6("::ffff:192.0.2.1")), PeerNetwork(V4("192.0.2.1")));
}

TEST(PeerNetworkTest, OfIpv6TheFirst64Bits) {
  EXPECT_EQ(PeerNetwork(V6("2001:db8:0:1::1")),
            PeerNetwork(V6("2001:db8:0:1:9:8:7:6")));
  EXPECT_NE(PeerNetwork(V6("2001:db8:0:1::1")),
            PeerNetwork(V6("2001:db8:0:2::1")));
}

TEST(PeerNetworkTest, OtherKindsAreAllOne) {
  sockaddr_storage local = {};
  local.ss_family = AF_UNIX;
  EXPECT_EQ(PeerNetwork(local), "");
}

}  // namespace
}  // namespace peregrine::server
