#include "client/channel_security.h"

#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

TEST(IsLocalAddressTest, LoopbackAndSocketFiles) {
  for (const char* address :
       {"localhost:50051", "LOCALHOST", "127.0.0.1:50051", "127.8.9.1",
        "[::1]:50051", "::1", "unix:/run/peregrine", "unix:///run/peregrine",
        "unix-abstract:peregrine", "dns:localhost:1", "dns:///localhost:1",
        "dns:///127.0.0.1:1", "dns://192.0.2.1/localhost:1",
        "ipv4:127.0.0.1:1,127.0.0.2:2", "ipv6:[::1]:1"}) {
    EXPECT_TRUE(IsLocalAddress(address)) << address;
  }
}

TEST(IsLocalAddressTest, OtherHosts) {
  for (const char* address :
       {"", "translate.example:50051", "localhost.example:1", "127.example",
        "127.0.0.1.example:1", "0.0.0.0:1", "10.0.0.1:1", "[2001:db8::1]:1",
        "::", "dns:///peregrine-headless:50051", "dns://127.0.0.1",
        "dns://127.0.0.1/host:1", "ipv4:127.0.0.1:1,192.0.2.1:2",
        "xds:///localhost", "localhost@example:1"}) {
    EXPECT_FALSE(IsLocalAddress(address)) << address;
  }
}

}  // namespace
}  // namespace peregrine::client
