#ifndef PEREGRINE_SERVER_CONNECTIONS_PAGE_SERVER_H_
#define PEREGRINE_SERVER_CONNECTIONS_PAGE_SERVER_H_

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace peregrine::server {

// Serves a few small pages by HTTP/1.1, GET and HEAD, one request a connection,
// on one thread that never waits for a peer: for scrapers and probes. Bounded:
// where there are as many connections as may be, the one that has waited
// longest is closed for a new one, so that silent ones shut out nobody; none
// lives longer than `timeout`.
class PageServer {
 public:
  struct Page {
    int code = 200;
    std::string type = "text/plain; charset=utf-8";
    std::string body;
  };
  // The page at a path; code 404 where there is none.
  using Handler = std::function<Page(absl::string_view path)>;

  struct Options {
    size_t max_connections = 64;
    absl::Duration timeout = absl::Seconds(5);
  };

  // UNAVAILABLE: cannot listen there, and why.
  static absl::StatusOr<std::unique_ptr<PageServer>> Start(
      const std::string& address, const Options& options, Handler handler);
  ~PageServer();

  int port() const { return port_; }

 private:
  struct Connection {
    int fd = -1;
    absl::Time deadline;
    std::string request;
    std::string answer;  // not empty once the request is read
    size_t sent = 0;
  };

  PageServer(const Options& options, Handler handler)
      : options_(options), handler_(std::move(handler)) {}

  void Run();
  void Accept(int listener);
  // False: the connection is done.
  bool Serve(Connection& connection);
  bool Read(Connection& connection);
  bool Write(Connection& connection);
  std::string Answer(absl::string_view request) const;

  const Options options_;
  const Handler handler_;
  std::vector<int> sockets_;
  int port_ = 0;
  int stop_event_ = -1;
  std::list<Connection> connections_;  // oldest first
  std::thread thread_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CONNECTIONS_PAGE_SERVER_H_
