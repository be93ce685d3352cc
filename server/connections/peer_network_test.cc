#include "server/connections/peer_network.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cstring>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

sockaddr_storage Address(const char* text) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  sockaddr_storage address = {};
  const int error = getaddrinfo(text, nullptr, &hints, &found);
  EXPECT_EQ(error, 0) << text << ": " << gai_strerror(error);
  if (error != 0) return address;
  std::memcpy(&address, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

TEST(PeerNetworkTest, AnAddressOfIpv4IsOne) {
  EXPECT_EQ(PeerNetwork(Address("192.0.2.1")),
            PeerNetwork(Address("192.0.2.1")));
  EXPECT_NE(PeerNetwork(Address("192.0.2.1")),
            PeerNetwork(Address("192.0.2.2")));
  EXPECT_EQ(PeerNetwork(Address("::ffff:192.0.2.1")),
            PeerNetwork(Address("192.0.2.1")));
}

TEST(PeerNetworkTest, OfIpv6TheFirst64Bits) {
  EXPECT_EQ(PeerNetwork(Address("2001:db8:0:1::1")),
            PeerNetwork(Address("2001:db8:0:1:9:8:7:6")));
  EXPECT_NE(PeerNetwork(Address("2001:db8:0:1::1")),
            PeerNetwork(Address("2001:db8:0:2::1")));
}

TEST(PeerNetworkTest, OtherKindsAreAllOne) {
  sockaddr_storage local = {};
  local.ss_family = AF_UNIX;
  EXPECT_EQ(PeerNetwork(local), "");
}

}  // namespace
}  // namespace peregrine::server
