#include "server/connections/open_connections.h"

#include <sys/stat.h>

#include <algorithm>

namespace peregrine::server {
namespace {

// A look costs a system call for each connection: too much for each of a flood.
constexpr absl::Duration kLookInterval = absl::Milliseconds(100);

}  // namespace

bool OpenConnections::Add(int fd, const std::string& network, absl::Time now) {
  struct stat file;
  if (fstat(fd, &file) != 0) return false;
  absl::MutexLock lock(&mutex_);
  if (IsFullFor(network) && now >= last_look_ + kLookInterval) {
    last_look_ = now;
    RemoveClosed();
  }
  if (IsFullFor(network)) {
    ++refused_;
    return false;
  }
  connections_.push_back({fd, file.st_dev, file.st_ino, network});
  ++of_network_[network];
  return true;
}

bool OpenConnections::IsFullFor(const std::string& network) const {
  if (connections_.size() >= static_cast<size_t>(max_)) return true;
  const auto found = of_network_.find(network);
  return found != of_network_.end() && found->second >= max_per_network_;
}

int OpenConnections::CountOpen() {
  absl::MutexLock lock(&mutex_);
  RemoveClosed();
  return static_cast<int>(connections_.size());
}

int64_t OpenConnections::refused() const {
  absl::MutexLock lock(&mutex_);
  return refused_;
}

void OpenConnections::RemoveClosed() {
  const auto is_closed = [](const Connection& connection) {
    struct stat file;
    return fstat(connection.fd, &file) != 0 ||
           file.st_dev != connection.device || file.st_ino != connection.inode;
  };
  const auto closed =
      std::partition(connections_.begin(), connections_.end(),
                     [&](const Connection& one) { return !is_closed(one); });
  for (auto it = closed; it != connections_.end(); ++it) {
    const auto of_network = of_network_.find(it->network);
    if (--of_network->second == 0) of_network_.erase(of_network);
  }
  connections_.erase(closed, connections_.end());
}

}  // namespace peregrine::server
