#include "server/connections/open_connections.h"

#include <sys/stat.h>

#include <algorithm>

namespace peregrine::server {
namespace {

// A look costs a system call for each connection: too much for each of a flood.
constexpr absl::Duration kLookInterval = absl::Milliseconds(100);

}  // namespace

bool OpenConnections::Add(int fd, absl::Time now) {
  struct stat file;
  if (fstat(fd, &file) != 0) return false;
  absl::MutexLock lock(&mutex_);
  const auto full = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return connections_.size() >= static_cast<size_t>(max_);
  };
  if (full() && now >= last_look_ + kLookInterval) {
    last_look_ = now;
    RemoveClosed();
  }
  if (full()) {
    ++refused_;
    return false;
  }
  connections_.push_back({fd, file.st_dev, file.st_ino});
  return true;
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
  connections_.erase(
      std::remove_if(connections_.begin(), connections_.end(), is_closed),
      connections_.end());
}

}  // namespace peregrine::server
