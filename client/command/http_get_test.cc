#include "client/command/http_get.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::HasSubstr;

// Answers one connection with fixed bytes, or, with none, never.
class OneAnswer {
 public:
  explicit OneAnswer(std::string bytes) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    listen(fd_, 1);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (bytes.empty()) return;
    thread_ = std::thread([this, bytes] {
      const int connection = accept(fd_, nullptr, nullptr);
      char request[1000];
      request_.assign(request, read(connection, request, sizeof(request)));
      (void)!write(connection, bytes.data(), bytes.size());
      close(connection);
    });
  }
  ~OneAnswer() {
    Join();
    close(fd_);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  std::string Request() {
    Join();
    return request_;
  }

 private:
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  int fd_ = -1;
  int port_ = 0;
  std::string request_;
  std::thread thread_;
};

absl::Time Soon() { return absl::Now() + absl::Seconds(30); }

TEST(HttpGetTest, CodeAndBody) {
  OneAnswer server(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: "
      "9\r\n\r\ndraining\n");
  const auto answer = HttpGet(server.address(), "/readyz", Soon());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->code, 503);
  EXPECT_EQ(answer->body, "draining");
  EXPECT_THAT(server.Request(), HasSubstr("GET /readyz HTTP/1.0\r\n"));
}

TEST(HttpGetTest, WhatIsNoHttp) {
  for (const char* bytes : {"SSH-2.0-x\r\n", "HTTP/1.1", "HTTP/1.1 abc\r\n"}) {
    OneAnswer server(bytes);
    EXPECT_EQ(HttpGet(server.address(), "/", Soon()).status().code(),
              absl::StatusCode::kUnavailable)
        << bytes;
  }
}

TEST(HttpGetTest, SilenceEndsWithTheDeadline) {
  OneAnswer server("");
  EXPECT_EQ(HttpGet(server.address(), "/", absl::Now() + absl::Milliseconds(50))
                .status()
                .code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(HttpGetTest, Addresses) {
  EXPECT_FALSE(HttpGet("127.0.0.1:1", "/", Soon()).ok());
  EXPECT_FALSE(HttpGet("[::1]:1", "/", Soon()).ok());
  for (const char* address : {"", "localhost", "localhost:", ":x"}) {
    EXPECT_EQ(HttpGet(address, "/", Soon()).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

}  // namespace
}  // namespace peregrine::client
