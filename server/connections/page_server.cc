#include "server/connections/page_server.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/connections/listening_sockets.h"

namespace peregrine::server {
namespace {

constexpr size_t kMaxRequestBytes = 8 * 1024;
constexpr int kPollMilliseconds = 250;  // between two looks at deadlines
// Of the time between two looks at the connections that there are.
constexpr int kAcceptedAtOnce = 16;

absl::string_view Reason(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

PageServer::Page Error(int code) {
  PageServer::Page page;
  page.code = code;
  page.body = absl::StrCat(Reason(code), "\n");
  return page;
}

std::string Format(const PageServer::Page& page, bool with_body) {
  return absl::StrCat(
      "HTTP/1.1 ", page.code, " ", Reason(page.code),
      "\r\nContent-Type: ", page.type, "\r\nContent-Length: ", page.body.size(),
      "\r\nConnection: close\r\n\r\n", with_body ? page.body : "");
}

}  // namespace

absl::StatusOr<std::unique_ptr<PageServer>> PageServer::Start(
    const std::string& address, const Options& options, Handler handler) {
  auto server = absl::WrapUnique(new PageServer(options, std::move(handler)));
  PEREGRINE_ASSIGN_OR_RETURN(ListeningSockets sockets,
                             OpenListeningSockets(address));
  server->sockets_ = std::move(sockets.fds);
  server->port_ = sockets.port;
  server->stop_event_ = eventfd(0, EFD_CLOEXEC);
  if (server->stop_event_ < 0) {
    return absl::UnavailableError(std::strerror(errno));
  }
  server->thread_ = std::thread([raw = server.get()] { raw->Run(); });
  return server;
}

PageServer::~PageServer() {
  if (thread_.joinable()) {
    eventfd_write(stop_event_, 1);
    thread_.join();
  }
  for (const Connection& connection : connections_) close(connection.fd);
  for (int fd : sockets_) close(fd);
  if (stop_event_ >= 0) close(stop_event_);
}

void PageServer::Run() {
  while (true) {
    std::vector<pollfd> watched = {{stop_event_, POLLIN, 0}};
    for (int fd : sockets_) watched.push_back({fd, POLLIN, 0});
    for (const Connection& connection : connections_) {
      const short events = connection.answer.empty() ? POLLIN : POLLOUT;
      watched.push_back({connection.fd, events, 0});
    }
    poll(watched.data(), watched.size(), kPollMilliseconds);
    if (watched[0].revents != 0) return;
    size_t next = 1 + sockets_.size();
    const absl::Time now = absl::Now();
    for (auto it = connections_.begin(); it != connections_.end();) {
      const bool ready = watched[next++].revents != 0;
      if (now < it->deadline && (!ready || Serve(*it))) {
        ++it;
        continue;
      }
      close(it->fd);
      it = connections_.erase(it);
    }
    for (size_t i = 0; i < sockets_.size(); ++i) {
      if (watched[1 + i].revents != 0) Accept(sockets_[i]);
    }
  }
}

void PageServer::Accept(int listener) {
  for (int i = 0; i < kAcceptedAtOnce; ++i) {
    const int fd =
        accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (connections_.size() >= options_.max_connections) {
      close(connections_.front().fd);
      connections_.pop_front();
    }
    Connection connection;
    connection.fd = fd;
    connection.deadline = absl::Now() + options_.timeout;
    connections_.push_back(std::move(connection));
    // What is there already is answered at once: a flood of silent ones cannot
    // push it out.
    if (!Serve(connections_.back())) {
      close(fd);
      connections_.pop_back();
    }
  }
}

bool PageServer::Serve(Connection& connection) {
  if (connection.answer.empty() && !Read(connection)) return false;
  return connection.answer.empty() || Write(connection);
}

bool PageServer::Read(Connection& connection) {
  char buffer[4096];
  while (true) {
    const ssize_t size = read(connection.fd, buffer, sizeof(buffer));
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    connection.request.append(buffer, static_cast<size_t>(size));
    if (connection.request.find("\r\n\r\n") != std::string::npos) {
      connection.answer = Answer(connection.request);
      return true;
    }
    if (connection.request.size() > kMaxRequestBytes) return false;
  }
}

bool PageServer::Write(Connection& connection) {
  while (connection.sent < connection.answer.size()) {
    const ssize_t size =
        send(connection.fd, connection.answer.data() + connection.sent,
             connection.answer.size() - connection.sent, MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    connection.sent += static_cast<size_t>(size);
  }
  shutdown(connection.fd, SHUT_WR);
  return false;
}

std::string PageServer::Answer(absl::string_view request) const {
  const std::vector<absl::string_view> words =
      absl::StrSplit(request.substr(0, request.find("\r\n")), ' ');
  if (words.size() != 3) return Format(Error(400), true);
  const bool is_head = words[0] == "HEAD";
  if (words[0] != "GET" && !is_head) return Format(Error(405), true);
  const absl::string_view path = words[1].substr(0, words[1].find('?'));
  Page page = handler_(path);
  if (page.code == 404) page = Error(404);
  return Format(page, !is_head);
}

}  // namespace peregrine::server
