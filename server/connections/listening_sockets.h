#ifndef PEREGRINE_SERVER_CONNECTIONS_LISTENING_SOCKETS_H_
#define PEREGRINE_SERVER_CONNECTIONS_LISTENING_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace peregrine::server {

// What the kernel holds of a connection until it is read. By default that grows
// to 6 MiB, which gRPC would go on to parse after the connection is shut down.
constexpr int kReceiveBufferBytes = 128 << 10;

// Sockets of one port, which the caller owns.
struct ListeningSockets {
  std::vector<int> fds;  // non-blocking; at least one
  int port = 0;
};

// One for each address that HOST:PORT resolves to, [::] being IPv4's too; port
// 0 is a free one. UNAVAILABLE: why there is none, or why not on one of them.
// An address that this machine does not have is passed over, if there are
// others.
absl::StatusOr<ListeningSockets> OpenListeningSockets(
    const std::string& address);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_LISTENING_SOCKETS_H_
