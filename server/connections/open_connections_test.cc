#include "server/connections/open_connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

int Socket() { return socket(AF_UNIX, SOCK_STREAM, 0); }

class OpenConnectionsTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (int fd : sockets_) close(fd);
  }
  int Open() {
    sockets_.push_back(Socket());
    return sockets_.back();
  }
  void CloseFirst() {
    close(sockets_.front());
    sockets_.erase(sockets_.begin());
  }

  std::vector<int> sockets_;
  const absl::Time start_ = absl::UnixEpoch();
};

TEST_F(OpenConnectionsTest, RefusesBeyondTheLimit) {
  OpenConnections connections(2);
  EXPECT_TRUE(connections.Add(Open(), start_));
  EXPECT_TRUE(connections.Add(Open(), start_));
  EXPECT_FALSE(connections.Add(Open(), start_));
  EXPECT_EQ(connections.CountOpen(), 2);
  EXPECT_EQ(connections.refused(), 1);
}

TEST_F(OpenConnectionsTest, AClosedOneMakesRoom) {
  OpenConnections connections(2);
  EXPECT_TRUE(connections.Add(Open(), start_));
  EXPECT_TRUE(connections.Add(Open(), start_));
  CloseFirst();
  EXPECT_EQ(connections.CountOpen(), 1);
  EXPECT_TRUE(connections.Add(Open(), start_));
  EXPECT_FALSE(connections.Add(Open(), start_));
}

// The kernel gives the number of the closed socket to the next file.
TEST_F(OpenConnectionsTest, AnotherFileOfTheSameNumberIsNone) {
  OpenConnections connections(1);
  const int number = Open();
  EXPECT_TRUE(connections.Add(number, start_));
  CloseFirst();
  ASSERT_EQ(Open(), number);
  EXPECT_EQ(connections.CountOpen(), 0);
}

TEST_F(OpenConnectionsTest, LooksNowAndThenOnly) {
  OpenConnections connections(1);
  EXPECT_TRUE(connections.Add(Open(), start_));
  EXPECT_FALSE(connections.Add(Open(), start_));  // has looked
  CloseFirst();
  EXPECT_FALSE(connections.Add(sockets_[0], start_ + absl::Milliseconds(99)));
  EXPECT_TRUE(connections.Add(sockets_[0], start_ + absl::Milliseconds(100)));
}

}  // namespace
}  // namespace peregrine::server
