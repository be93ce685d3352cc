#include "server/connections/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

class ListenerTest : public ::testing::Test {
 protected:
  ~ListenerTest() override {
    listener_.reset();
    for (int fd : clients_) close(fd);
    CloseAccepted();
  }

  void Start(int max_connections) {
    Listener::Options options;
    options.max_connections = max_connections;
    auto listener = Listener::Open("127.0.0.1:0", options);
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
    listener_->Start([this](int, int fd) {
      absl::MutexLock lock(&mutex_);
      accepted_.push_back(fd);
    });
  }

  // A client's end. The kernel connects it whether it is accepted or not.
  int Connect() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_GE(fd, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(listener_->port()));
    EXPECT_EQ(
        connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    clients_.push_back(fd);
    return fd;
  }

  void AwaitAccepted(size_t count) {
    absl::MutexLock lock(&mutex_);
    const auto enough = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return accepted_.size() >= count;
    };
    EXPECT_TRUE(
        mutex_.AwaitWithTimeout(absl::Condition(&enough), absl::Seconds(30)));
    EXPECT_EQ(accepted_.size(), count);
  }
  void CloseAccepted() {
    absl::MutexLock lock(&mutex_);
    for (int fd : accepted_) close(fd);
    accepted_.clear();
  }

  static bool IsHungUp(int fd) {
    char byte = 0;
    return recv(fd, &byte, 1, 0) <= 0;  // waits
  }

  std::unique_ptr<Listener> listener_;
  std::vector<int> clients_;
  absl::Mutex mutex_;
  std::vector<int> accepted_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ListenerTest, HangsUpBeyondTheLimit) {
  Start(2);
  Connect();
  Connect();
  AwaitAccepted(2);
  EXPECT_TRUE(IsHungUp(Connect()));
  EXPECT_EQ(listener_->connections()->refused(), 1);
  EXPECT_EQ(listener_->connections()->CountOpen(), 2);
  CloseAccepted();
  EXPECT_EQ(listener_->connections()->CountOpen(), 0);
  Connect();
  AwaitAccepted(1);
}

TEST_F(ListenerTest, GoesOnWhenThereAreDescriptorsAgain) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers need descriptors of their own";
#endif
  Start(1000);
  Connect();
  AwaitAccepted(1);
  // The clients' own descriptors come out of the same limit: theirs first.
  for (int i = 0; i < 10; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    clients_.push_back(fd);
  }
  rlimit before = {};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(listener_->port()));
  for (size_t i = clients_.size() - 10; i < clients_.size(); ++i) {
    EXPECT_EQ(connect(clients_[i], reinterpret_cast<sockaddr*>(&address),
                      sizeof(address)),
              0);
  }
  absl::SleepFor(absl::Milliseconds(250));  // some attempts
  AwaitAccepted(1);
  setrlimit(RLIMIT_NOFILE, &before);
  AwaitAccepted(11);
}

TEST_F(ListenerTest, LittleIsHeldUnread) {
  Start(10);
  const int fd = Connect();
  AwaitAccepted(1);
  ASSERT_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  const int most = 64 << 10;  // of the sender's own
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
  const std::string data(1 << 16, 'x');
  size_t sent = 0;
  for (ssize_t part = 1; part > 0; absl::SleepFor(absl::Milliseconds(10))) {
    part = send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (part > 0) sent += static_cast<size_t>(part);
  }
  EXPECT_GT(sent, size_t{64} << 10);
  EXPECT_LT(sent, size_t{1} << 20);
}

TEST_F(ListenerTest, StopsListening) {
  Start(10);
  Connect();
  AwaitAccepted(1);
  const int port = listener_->port();
  listener_->Stop();
  Listener::Options options;
  options.max_connections = 1;
  EXPECT_TRUE(Listener::Open(absl::StrCat("127.0.0.1:", port), options).ok());
}

TEST_F(ListenerTest, ATakenPortIsAnError) {
  Start(10);
  EXPECT_THAT(Listener::Open(absl::StrCat("127.0.0.1:", listener_->port()), {})
                  .status()
                  .message(),
              HasSubstr("Address already in use"));
}

TEST(ListenerAddressTest, EveryFormIsUnderstood) {
  for (const char* address : {"127.0.0.1:0", "localhost:0", "[::]:0"}) {
    const auto listener = Listener::Open(address, {});
    ASSERT_TRUE(listener.ok()) << address << ": " << listener.status();
    EXPECT_GT((*listener)->port(), 0) << address;
  }
  EXPECT_FALSE(Listener::Open("no.such.host.invalid:0", {}).ok());
  EXPECT_FALSE(Listener::Open("192.0.2.1:0", {}).ok());  // of documentation
}

}  // namespace
}  // namespace peregrine::server
