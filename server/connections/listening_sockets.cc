#include "server/connections/listening_sockets.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {
namespace {

constexpr char kEveryIpv6Address[] = "::";
constexpr char kEveryIpv4Address[] = "0.0.0.0";

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

absl::StatusOr<Addresses> Resolve(const std::string& host,
                                  const std::string& port) {
  addrinfo hints = {};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  return Addresses(list);
}

int PortOf(int fd) {
  sockaddr_storage address = {};
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  // At the same place in both kinds of addresses.
  return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

void SetPort(int port, sockaddr* address) {
  reinterpret_cast<sockaddr_in*>(address)->sin_port =
      htons(static_cast<uint16_t>(port));
}

void SetOption(int fd, int level, int name, int value) {
  setsockopt(fd, level, name, &value, sizeof(value));
}

// The socket; -1, and errno says why.
int Listen(const addrinfo& address) {
  const int fd =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  // Connections inherit it.
  SetOption(fd, SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes);
  SetOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.ai_family == AF_INET6) {
    SetOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  if (bind(fd, address.ai_addr, address.ai_addrlen) == 0 &&
      listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// The machine has no such address, or no addresses of this kind.
bool IsAbsent(int error) {
  return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

absl::Status ListenOnAll(const Addresses& addresses,
                         ListeningSockets& sockets) {
  int absent = 0;
  for (addrinfo* address = addresses.get(); address != nullptr;
       address = address->ai_next) {
    if (sockets.port != 0) SetPort(sockets.port, address->ai_addr);
    const int fd = Listen(*address);
    if (fd < 0 && IsAbsent(errno)) {
      absent = errno;
      continue;
    }
    if (fd < 0) return absl::UnavailableError(std::strerror(errno));
    sockets.fds.push_back(fd);
    sockets.port = PortOf(fd);
  }
  if (!sockets.fds.empty()) return absl::OkStatus();
  return absl::NotFoundError(std::strerror(absent));
}

absl::StatusOr<ListeningSockets> OpenAll(const std::string& host,
                                         const std::string& port) {
  PEREGRINE_ASSIGN_OR_RETURN(const Addresses addresses, Resolve(host, port));
  ListeningSockets sockets;
  const absl::Status status = ListenOnAll(addresses, sockets);
  if (status.ok()) return sockets;
  for (int fd : sockets.fds) close(fd);
  if (absl::IsNotFound(status) && host == kEveryIpv6Address) {
    return OpenAll(kEveryIpv4Address, port);
  }
  return absl::UnavailableError(status.message());
}

}  // namespace

absl::StatusOr<ListeningSockets> OpenListeningSockets(
    const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::UnavailableError("needed HOST:PORT");
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return OpenAll(std::string(host), address.substr(colon + 1));
}

}  // namespace peregrine::server
