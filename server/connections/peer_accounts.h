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
#include "absl/time/time.h"

namespace peregrine::server {

// What each connection makes gRPC hold: what it has sent that became no call
// which the server saw, and answers that it does not take. No setting of gRPC
// 1.51 bounds either. MemoryGuard shuts down the connections with the most of
// it where memory runs short. Thread-safe; time is an argument.
class PeerAccounts {
 public:
  // The name of a peer as gRPC spells it, e.g. "ipv4:127.0.0.1:40404".
  static std::string NameOf(const sockaddr_storage& address);

  // A connection, which somebody else closes without telling.
  void Add(const std::string& peer, int fd);

  // A call came, or a message of it, of so many bytes.
  void Account(absl::string_view peer, int64_t bytes);

  // So many bytes more, or less, may be held for it: the window of a stream
  // while it is open. Negative: an answer, while the peer does not take it.
  void Allow(absl::string_view peer, int64_t bytes);

  struct Heavy {
    std::string peer;
    int64_t bytes = 0;  // held for it
    absl::Time since;   // the first look at which it was heavy, of a row
  };
  // Those for which at least so many bytes are held; the heaviest first.
  std::vector<Heavy> FindHeavy(int64_t least_bytes, absl::Time now);

  // Once each: its client sees it closed.
  void ShutDown(const std::vector<Heavy>& heavy);

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
    int64_t allowed = 0;
    absl::Time heavy_since = absl::InfiniteFuture();
    bool is_shut = false;
  };

  static bool IsOpen(const Connection& connection);

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Connection> connections_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, int> recent_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_PEER_ACCOUNTS_H_
