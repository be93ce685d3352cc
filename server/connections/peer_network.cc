#include "server/connections/peer_network.h"

#include <netinet/in.h>

#include <cstring>

namespace peregrine::server {

std::string PeerNetwork(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    return std::string(reinterpret_cast<const char*>(&v4.sin_addr), 4);
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    const auto* const bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
    // As a socket that listens for both sees a peer of IPv4.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return std::string(bytes + 12, 4);
    return std::string(bytes, 8);
  }
  return "";
}

}  // namespace peregrine::server
