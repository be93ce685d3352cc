#include "server/connections/page_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class PageServerTest : public ::testing::Test {
 protected:
  PageServerTest() {
    options_.timeout = absl::Seconds(60);
    options_.max_connections = 4;
  }
  void Start() {
    auto server =
        PageServer::Start("127.0.0.1:0", options_, [](absl::string_view path) {
          PageServer::Page page;
          if (path == "/large") page.body = std::string(1 << 20, 'x');
          if (path == "/here") page.body = "here\n";
          if (page.body.empty()) page.code = 404;
          return page;
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int Connect() const {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(server_->port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(
        connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  // All that comes until the connection ends.
  static std::string ReadAll(int fd) {
    std::string text;
    char buffer[65536];
    for (ssize_t size; (size = read(fd, buffer, sizeof(buffer))) > 0;) {
      text.append(buffer, static_cast<size_t>(size));
    }
    close(fd);
    return text;
  }
  std::string Fetch(const std::string& request) const {
    const int fd = Connect();
    EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(request.size()));
    return ReadAll(fd);
  }

  PageServer::Options options_;
  std::unique_ptr<PageServer> server_;
};

TEST_F(PageServerTest, ServesPages) {
  Start();
  EXPECT_EQ(Fetch("GET /here HTTP/1.1\r\nHost: a\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Length: 5\r\nConnection: close\r\n\r\nhere\n");
  EXPECT_THAT(Fetch("HEAD /here?a=b HTTP/1.1\r\n\r\n"),
              EndsWith("Content-Length: 5\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(Fetch("GET /there HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Fetch("POST /here HTTP/1.1\r\n\r\n"),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Fetch("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_EQ(Fetch("GET /large HTTP/1.1\r\n\r\n").substr(17, 12),
            "Content-Type");
}

TEST_F(PageServerTest, SilentConnectionsShutOutNobody) {
  Start();
  std::vector<int> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(Connect());
    EXPECT_THAT(Fetch("GET /here HTTP/1.1\r\n\r\n"), HasSubstr("here"));
  }
  for (int fd : silent) close(fd);
}

TEST_F(PageServerTest, ReadersThatStallShutOutNobody) {
  Start();
  std::vector<int> stalled;
  for (int i = 0; i < 8; ++i) {
    stalled.push_back(Connect());
    const std::string request = "GET /large HTTP/1.1\r\n\r\n";
    send(stalled.back(), request.data(), request.size(), MSG_NOSIGNAL);
  }
  EXPECT_THAT(Fetch("GET /here HTTP/1.1\r\n\r\n"), HasSubstr("here"));
  for (int fd : stalled) close(fd);
}

TEST_F(PageServerTest, NoConnectionOutlivesItsTime) {
  options_.timeout = absl::Milliseconds(50);
  Start();
  EXPECT_EQ(ReadAll(Connect()), "");
}

TEST_F(PageServerTest, EndlessRequestsAreCutOff) {
  Start();
  const int fd = Connect();
  const std::string line(1000, 'x');
  // Reset or closed; or else the loop would not end.
  while (send(fd, line.data(), line.size(), MSG_NOSIGNAL) > 0) {
  }
  close(fd);
}

}  // namespace
}  // namespace peregrine::server
