#ifndef PEREGRINE_SERVER_CONNECTIONS_OPEN_CONNECTIONS_H_
#define PEREGRINE_SERVER_CONNECTIONS_OPEN_CONNECTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace peregrine::server {

// Counts connections that somebody else closes without telling, as gRPC does
// with those that it is given: one is gone when its descriptor is closed, or is
// another file's by now. Thread-safe; time is an argument.
class OpenConnections {
 public:
  // Of one network (see PeerNetwork) at most `max_per_network`; 0: as many as
  // may be in all.
  explicit OpenConnections(int max_connections, int max_per_network = 0)
      : max_(max_connections),
        max_per_network_(max_per_network > 0 ? max_per_network
                                             : max_connections) {}

  // Before the socket is handed on. False: there are as many as may be, in all
  // or of this network; this one is counted as refused. A place is found again
  // within 100 ms.
  bool Add(int fd, const std::string& network, absl::Time now);

  int max() const { return max_; }
  int CountOpen();
  int64_t refused() const;

 private:
  struct Connection {
    int fd;
    dev_t device;
    ino_t inode;
    std::string network;
  };

  bool IsFullFor(const std::string& network) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveClosed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int max_;
  const int max_per_network_;
  mutable absl::Mutex mutex_;
  std::vector<Connection> connections_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, int> of_network_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_OPEN_CONNECTIONS_H_
