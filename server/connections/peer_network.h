#ifndef PEREGRINE_SERVER_CONNECTIONS_PEER_NETWORK_H_
#define PEREGRINE_SERVER_CONNECTIONS_PEER_NETWORK_H_

#include <sys/socket.h>

#include <string>

namespace peregrine::server {

// What one client has for itself, in bytes: an address of IPv4, or the first 64
// bits of one of IPv6, whose rest each host chooses at will. Empty for other
// kinds of addresses.
std::string PeerNetwork(const sockaddr_storage& address);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_PEER_NETWORK_H_
