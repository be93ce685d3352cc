#include "client/command/http_get.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"

namespace peregrine::client {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64 << 10;

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

absl::StatusOr<Addresses> LookUp(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon + 1 == address.size()) {
    return absl::InvalidArgumentError("expected HOST:PORT");
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(std::string(host).c_str(),
                                address.c_str() + colon + 1, &hints, &found);
  if (error != 0) return absl::InvalidArgumentError(gai_strerror(error));
  return Addresses(found, &freeaddrinfo);
}

absl::Status Await(int fd, short events, absl::Time deadline) {
  while (true) {
    const std::int64_t left =
        absl::ToInt64Milliseconds(deadline - absl::Now()) + 1;
    if (left <= 0) return absl::DeadlineExceededError("no answer in time");
    pollfd waiting = {fd, events, 0};
    const int count = poll(
        &waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (count > 0) return absl::OkStatus();
    if (count < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
  }
}

absl::Status Connect(int fd, const addrinfo& address, absl::Time deadline) {
  if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) {
    return absl::OkStatus();
  }
  int error = errno;
  if (error == EINPROGRESS) {
    PEREGRINE_RETURN_IF_ERROR(Await(fd, POLLOUT, deadline));
    socklen_t size = sizeof(error);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  return error == 0 ? absl::OkStatus() : absl::ErrnoToStatus(error, "connect");
}

absl::Status Send(int fd, absl::string_view bytes, absl::Time deadline) {
  while (!bytes.empty()) {
    PEREGRINE_RETURN_IF_ERROR(Await(fd, POLLOUT, deadline));
    const ssize_t count = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) return absl::ErrnoToStatus(errno, "send");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Receive(int fd, absl::Time deadline) {
  std::string answer;
  char bytes[4096];
  while (answer.size() < kMaxAnswerBytes) {
    PEREGRINE_RETURN_IF_ERROR(Await(fd, POLLIN, deadline));
    const ssize_t count = recv(fd, bytes, sizeof(bytes), 0);
    if (count < 0) return absl::ErrnoToStatus(errno, "receive");
    if (count == 0) break;
    answer.append(bytes, static_cast<std::size_t>(count));
  }
  return answer;
}

// "HTTP/1.1 200 OK\r\n...\r\n\r\nbody"
absl::StatusOr<HttpAnswer> Parse(const std::string& text) {
  HttpAnswer answer;
  if (!absl::StartsWith(text, "HTTP/1.") || text.size() < 12 ||
      !absl::SimpleAtoi(text.substr(9, 3), &answer.code)) {
    return absl::UnavailableError("found no answer of HTTP");
  }
  const std::size_t end = text.find("\r\n\r\n");
  if (end != std::string::npos) {
    answer.body = std::string(absl::StripAsciiWhitespace(text.substr(end + 4)));
  }
  return answer;
}

absl::StatusOr<HttpAnswer> AskOne(const addrinfo& address,
                                  const std::string& request,
                                  absl::Time deadline) {
  const int fd =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "socket");
  const absl::Cleanup close_fd = [fd] { close(fd); };
  PEREGRINE_RETURN_IF_ERROR(Connect(fd, address, deadline));
  PEREGRINE_RETURN_IF_ERROR(Send(fd, request, deadline));
  PEREGRINE_ASSIGN_OR_RETURN(const std::string text, Receive(fd, deadline));
  return Parse(text);
}

}  // namespace

absl::StatusOr<HttpAnswer> HttpGet(const std::string& address,
                                   const std::string& path,
                                   absl::Time deadline) {
  PEREGRINE_ASSIGN_OR_RETURN(const Addresses addresses, LookUp(address));
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: ", address, "\r\n\r\n");
  absl::StatusOr<HttpAnswer> answer = absl::UnavailableError("no address");
  for (const addrinfo* one = addresses.get(); one != nullptr;
       one = one->ai_next) {
    answer = AskOne(*one, request, deadline);
    if (answer.ok() || absl::IsDeadlineExceeded(answer.status())) break;
  }
  return answer;
}

}  // namespace peregrine::client
