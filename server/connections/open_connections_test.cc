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
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_FALSE(connections.Add(Open(), "a", start_));
  EXPECT_EQ(connections.CountOpen(), 2);
  EXPECT_EQ(connections.refused(), 1);
}

TEST_F(OpenConnectionsTest, AClosedOneMakesRoom) {
  OpenConnections connections(2);
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  CloseFirst();
  EXPECT_EQ(connections.CountOpen(), 1);
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_FALSE(connections.Add(Open(), "a", start_));
}

TEST_F(OpenConnectionsTest, OneNetworkCannotTakeAllPlaces) {
  OpenConnections connections(4, /*max_per_network=*/2);
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_FALSE(connections.Add(Open(), "a", start_));
  EXPECT_TRUE(connections.Add(Open(), "b", start_));
  EXPECT_EQ(connections.CountOpen(), 3);
  EXPECT_EQ(connections.refused(), 1);
  CloseFirst();
  EXPECT_TRUE(connections.Add(Open(), "a", start_ + absl::Seconds(1)));
  EXPECT_FALSE(connections.Add(Open(), "a", start_ + absl::Seconds(1)));
  EXPECT_TRUE(connections.Add(Open(), "c", start_ + absl::Seconds(1)));
  EXPECT_FALSE(connections.Add(Open(), "d", start_ + absl::Seconds(1)));
}

// The kernel gives the number of the closed socket to the next file.
TEST_F(OpenConnectionsTest, AnotherFileOfTheSameNumberIsNone) {
  OpenConnections connections(1);
  const int number = Open();
  EXPECT_TRUE(connections.Add(number, "a", start_));
  CloseFirst();
  ASSERT_EQ(Open(), number);
  EXPECT_EQ(connections.CountOpen(), 0);
}

TEST_F(OpenConnectionsTest, LooksNowAndThenOnly) {
  OpenConnections connections(1);
  EXPECT_TRUE(connections.Add(Open(), "a", start_));
  EXPECT_FALSE(connections.Add(Open(), "a", start_));  // has looked
  CloseFirst();
  EXPECT_FALSE(
      connections.Add(sockets_[0], "a", start_ + absl::Milliseconds(99)));
  EXPECT_TRUE(
      connections.Add(sockets_[0], "a", start_ + absl::Milliseconds(100)));
}

}  // namespace
}  // namespace peregrine::server
