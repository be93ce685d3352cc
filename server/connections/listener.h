#ifndef PEREGRINE_SERVER_CONNECTIONS_LISTENER_H_
#define PEREGRINE_SERVER_CONNECTIONS_LISTENER_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/connections/open_connections.h"
#include "server/connections/peer_accounts.h"

namespace peregrine::server {

// Accepts connections for gRPC, whose own listeners (1.51) know no limit, and
// listen no more after the first connection for which the process has no
// descriptor left. Here a connection beyond the limit is closed at once, and
// one without a descriptor waits until there is one.
class Listener {
 public:
  struct Options {
    int max_connections = 0;
    int max_connections_per_address = 0;  // 0: no limit; see PeerNetwork
    // Of data that a peer does not acknowledge.
    absl::Duration tcp_user_timeout = absl::ZeroDuration();  // zero: no limit
    // Told of each connection; null: nobody is. Outlives the listener.
    PeerAccounts* accounts = nullptr;
  };
  // Owns the connection from then on.
  using Handler = std::function<void(int listener_fd, int connection_fd)>;

  // On all addresses of HOST:PORT, with one port. Nobody is accepted before
  // Start. UNAVAILABLE: cannot listen there, and why.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(
      const std::string& address, const Options& options);

  // Stops.
  ~Listener();

  // Once. The handler is called on a thread of the listener's.
  void Start(Handler handler);

  // Connections are refused by the kernel from here on; those that were
  // accepted stay.
  void Stop();

  int port() const { return port_; }
  // May be kept for longer than the listener.
  const std::shared_ptr<OpenConnections>& connections() const {
    return connections_;
  }

 private:
  explicit Listener(const Options& options);

  void AcceptUntilStopped();
  // Some of those that wait. Not zero: the error for which no more can be
  // accepted now.
  int AcceptFrom(int listener_fd);
  void Take(int listener_fd, int connection_fd, const sockaddr_storage& peer);

  const Options options_;
  const std::shared_ptr<OpenConnections> connections_;
  std::vector<int> sockets_;
  int port_ = 0;
  int stop_event_ = -1;
  Handler handler_;
  std::thread thread_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_LISTENER_H_
