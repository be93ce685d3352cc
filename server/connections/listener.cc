#include "server/connections/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/connections/listening_sockets.h"
#include "server/connections/peer_network.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

// Before the next attempt where no descriptor is left.
constexpr int kPauseMilliseconds = 100;

// Between two looks at whether to stop.
constexpr int kAcceptedAtOnce = 64;

// Of a connection that was gone before it was accepted: accept(2) tells the
// next one's.
bool IsOfOneConnection(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO ||
         error == EPERM || error == ENETDOWN || error == ENETUNREACH ||
         error == EHOSTUNREACH || error == EHOSTDOWN || error == ENONET ||
         error == ENOPROTOOPT || error == EOPNOTSUPP;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(
    const std::string& address, const Options& options) {
  std::unique_ptr<Listener> listener(new Listener(options));
  PEREGRINE_ASSIGN_OR_RETURN(ListeningSockets sockets,
                             OpenListeningSockets(address));
  listener->sockets_ = std::move(sockets.fds);
  listener->port_ = sockets.port;
  listener->stop_event_ = eventfd(0, EFD_CLOEXEC);
  if (listener->stop_event_ < 0) {
    return absl::UnavailableError(std::strerror(errno));
  }
  return listener;
}

Listener::Listener(const Options& options)
    : options_(options),
      connections_(std::make_shared<OpenConnections>(
          options.max_connections, options.max_connections_per_address)) {}

Listener::~Listener() {
  Stop();
  if (stop_event_ >= 0) close(stop_event_);
}

void Listener::Start(Handler handler) {
  handler_ = std::move(handler);
  thread_ = std::thread([this] { AcceptUntilStopped(); });
}

void Listener::Stop() {
  if (thread_.joinable()) {
    eventfd_write(stop_event_, 1);
    thread_.join();
  }
  for (int fd : sockets_) close(fd);
  sockets_.clear();
}

void Listener::AcceptUntilStopped() {
  std::vector<pollfd> watched = {{stop_event_, POLLIN, 0}};
  for (int fd : sockets_) watched.push_back({fd, POLLIN, 0});
  bool pausing = false;
  while (true) {
    // In a pause the sockets are not looked at: they would be ready.
    poll(watched.data(), pausing ? 1 : watched.size(),
         pausing ? kPauseMilliseconds : -1);
    if (watched[0].revents != 0) return;
    int error = 0;
    for (int fd : sockets_) {
      if (const int of_this = AcceptFrom(fd); of_this != 0) error = of_this;
    }
    if (error != 0 && !pausing) {
      spdlog::warn("cannot accept connections for now: {}",
                   std::strerror(error));
    }
    pausing = error != 0;
  }
}

int Listener::AcceptFrom(int listener_fd) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    sockaddr_storage peer = {};
    socklen_t length = sizeof(peer);
    const int fd = accept4(listener_fd, reinterpret_cast<sockaddr*>(&peer),
                           &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      Take(listener_fd, fd, peer);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return 0;
    } else if (!IsOfOneConnection(errno)) {
      return errno;
    }
  }
  return 0;
}

void Listener::Take(int listener_fd, int connection_fd,
                    const sockaddr_storage& peer) {
  if (!connections_->Add(connection_fd, PeerNetwork(peer), absl::Now())) {
    close(connection_fd);
    return;
  }
  if (options_.accounts != nullptr) {
    options_.accounts->Add(PeerAccounts::NameOf(peer), connection_fd);
  }
  const int no_delay = 1;
  setsockopt(connection_fd, IPPROTO_TCP, TCP_NODELAY, &no_delay,
             sizeof(no_delay));
  const int timeout =
      static_cast<int>(absl::ToInt64Milliseconds(options_.tcp_user_timeout));
  setsockopt(connection_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout,
             sizeof(timeout));
  handler_(listener_fd, connection_fd);
}

}  // namespace peregrine::server
