#ifndef PEREGRINE_SERVER_CONNECTIONS_MEMORY_GUARD_H_
#define PEREGRINE_SERVER_CONNECTIONS_MEMORY_GUARD_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/time/time.h"
#include "server/connections/peer_accounts.h"

namespace peregrine::server {

// Shuts down the connections that make the process grow, before others feel it.
// When gRPC's own quota is full it takes memory back from anyone: it sends
// GOAWAY to connections that did nothing. So the heaviest are shut down
//   - when the process has grown by half of `connection_bytes` while some were
//     heavy for a while; the more it has grown, the shorter. Growth that they
//     do not explain is the server's own (models, caches), or what gRPC has yet
//     to free of those that were shut down;
//   - near the limit of the process, at once and also those that hold less.
// One thread at a time.
class MemoryGuard {
 public:
  struct Options {
    int64_t process_bytes = 0;                // the limit of the process
    int64_t connection_bytes = 0;             // less than the quota of gRPC
    std::function<int64_t()> resident_bytes;  // of the process
    // Makes the allocator return what is free: otherwise the next attack would
    // fill that first, and be seen late.
    std::function<void()> give_back = [] {};
  };
  // `peers` must outlive this.
  MemoryGuard(const Options& options, PeerAccounts& peers)
      : options_(options), peers_(peers) {}

  // Often: a flood brings hundreds of MiB a second. Those that were shut down,
  // the heaviest first.
  std::vector<PeerAccounts::Heavy> Look(absl::Time now);

 private:
  bool IsNearLimit(int64_t resident) const;
  std::vector<PeerAccounts::Heavy> ChooseNearLimit(absl::Time now);
  std::vector<PeerAccounts::Heavy> ChooseOfGrowth(int64_t resident,
                                                  absl::Time now);

  const Options options_;
  PeerAccounts& peers_;
  int64_t quiet_bytes_ = -1;  // resident, without heavy ones; -1: not known
  absl::Time last_choice_ = absl::InfinitePast();
  absl::Time next_give_back_ = absl::InfinitePast();
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_MEMORY_GUARD_H_
