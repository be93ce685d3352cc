#include "server/connections/peer_accounts.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

// Since the connection began.
int64_t BytesReceived(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return static_cast<int64_t>(info.tcpi_bytes_received);
}

// Of those that are counted for the log.
constexpr size_t kMaxHosts = 1000;

// "10.0.0.1" of "ipv4:10.0.0.1:40404".
absl::string_view HostOf(absl::string_view peer) {
  const absl::string_view address = peer.substr(peer.find(':') + 1);
  return address.substr(0, address.rfind(':'));
}

}  // namespace

std::string PeerAccounts::NameOf(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v4.sin_port));
  }
  if (address.ss_family != AF_INET6) return "";
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof(v6));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
    return absl::StrCat("ipv4:", text, ":", ntohs(v6.sin6_port));
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return absl::StrCat("ipv6:%5B", text, "%5D:", ntohs(v6.sin6_port));
}

void PeerAccounts::Add(const std::string& peer, int fd) {
  struct stat file;
  if (fstat(fd, &file) != 0) return;
  absl::MutexLock lock(&mutex_);
  Connection connection;
  connection.fd = fd;
  connection.device = file.st_dev;
  connection.inode = file.st_ino;
  connections_[peer] = connection;
  const std::string host(HostOf(peer));
  const auto found = recent_.find(host);
  if (found != recent_.end()) {
    ++found->second;
  } else if (recent_.size() < kMaxHosts) {
    recent_.emplace(host, 1);
  }
}

void PeerAccounts::Account(absl::string_view peer, int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  const auto found = connections_.find(peer);
  if (found != connections_.end()) found->second.accounted += bytes;
}

bool PeerAccounts::IsOpen(const Connection& connection) {
  struct stat file;
  return fstat(connection.fd, &file) == 0 && file.st_dev == connection.device &&
         file.st_ino == connection.inode;
}

void PeerAccounts::Allow(absl::string_view peer, int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  const auto found = connections_.find(peer);
  if (found != connections_.end()) found->second.allowed += bytes;
}

std::vector<PeerAccounts::Heavy> PeerAccounts::FindHeavy(int64_t least_bytes,
                                                         absl::Time now) {
  absl::MutexLock lock(&mutex_);
  std::vector<Heavy> heavy;
  for (auto& [peer, connection] : connections_) {
    if (connection.is_shut || !IsOpen(connection)) continue;
    const int64_t received = BytesReceived(connection.fd);
    // Whoever has made many calls may not hold more for it.
    connection.accounted = std::min(connection.accounted, received);
    const int64_t bytes = received - connection.accounted - connection.allowed;
    if (bytes < least_bytes) {
      connection.heavy_since = absl::InfiniteFuture();
      continue;
    }
    connection.heavy_since = std::min(connection.heavy_since, now);
    heavy.push_back({peer, bytes, connection.heavy_since});
  }
  std::sort(heavy.begin(), heavy.end(), [](const Heavy& a, const Heavy& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.peer < b.peer;
  });
  return heavy;
}

void PeerAccounts::ShutDown(const std::vector<Heavy>& heavy) {
  absl::MutexLock lock(&mutex_);
  for (const Heavy& one : heavy) {
    const auto found = connections_.find(one.peer);
    if (found == connections_.end() || !IsOpen(found->second)) continue;
    shutdown(found->second.fd, SHUT_RDWR);
    found->second.is_shut = true;
  }
}

void PeerAccounts::ShutDownAll() {
  absl::MutexLock lock(&mutex_);
  for (const auto& [peer, connection] : connections_) {
    if (IsOpen(connection)) shutdown(connection.fd, SHUT_RDWR);
  }
}

std::string PeerAccounts::DescribeBusiest() {
  absl::MutexLock lock(&mutex_);
  int all = 0;
  std::pair<int, absl::string_view> most = {0, ""};
  for (const auto& [host, count] : recent_) {
    all += count;
    most = std::max(most, {count, host});
  }
  std::string text;
  if (all > 0) {
    text = absl::StrCat(", most connections from ", most.second, " (",
                        most.first, " of ", all, ")");
  }
  recent_.clear();
  return text;
}

void PeerAccounts::RemoveClosed() {
  absl::MutexLock lock(&mutex_);
  absl::erase_if(connections_,
                 [](const auto& entry) { return !IsOpen(entry.second); });
}

}  // namespace peregrine::server
