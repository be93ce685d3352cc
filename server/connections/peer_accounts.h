#ifndef PEREGRINE_SERVER_CONNECTIONS_PEER_ACCOUNTS_H_
#define PEREGRINE_SERVER_CONNECTIONS_PEER_ACCOUNTS_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace peregrine::server {

// What each connection has sent, and how much of it became calls that the
// server saw: the rest is what gRPC holds for calls that never come, whose
// number no setting of gRPC 1.51 bounds. Where memory runs short the
// connections with the most of it are shut down. Thread-safe.
class PeerAccounts {
 public:
  // The name of a peer as gRPC spells it, e.g. "ipv4:127.0.0.1:40404".
  static std::string NameOf(const sockaddr_storage& address);

  // A connection, which somebody else closes without telling.
  void Add(const std::string& peer, int fd);

  // A call came, or a message of it, of so many bytes.
  void Account(absl::string_view peer, int64_t bytes);

  struct Heavy {
    std::string peer;
    int64_t bytes = 0;  // that became no calls
  };
  // Shuts down the heaviest, at most so many, none with fewer bytes than this.
  std::vector<Heavy> ShutDownHeaviest(size_t most, int64_t least_bytes);

  // Shuts down all, whatever they sent: their clients see them closed.
  void ShutDownAll();

  // Forgets those that are closed. Now and then.
  void RemoveClosed();

  // From where most connections came since the last call, for the log: e.g.
  // ", most connections from 10.0.0.7 (812 of 900)"; empty: none came.
  std::string DescribeBusiest();

 private:
  struct Connection {
    int fd = -1;
    dev_t device = 0;
    ino_t inode = 0;
    int64_t accounted = 0;
  };

  static bool IsOpen(const Connection& connection);

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Connection> connections_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, int> recent_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_PEER_ACCOUNTS_H_
