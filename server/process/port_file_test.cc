#include "server/process/port_file.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(PortFileTest, HasALineForEachPort) {
  const std::string path = ::testing::TempDir() + "/port_file_test";
  std::ofstream(path) << "an old one";
  ASSERT_TRUE(
      WritePortFile(path, {{"grpc", 5}, {"metrics", 0}, {"admin", 7}}).ok());
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "grpc 5\nadmin 7\n");
  std::remove(path.c_str());
  EXPECT_TRUE(WritePortFile("", {{"grpc", 5}}).ok());
}

// Renaming would put a file in the place of the device.
TEST(PortFileTest, DevicesAndFoldersAreLeftAlone) {
  for (const std::string& path :
       {std::string("/dev/null"), ::testing::TempDir()}) {
    EXPECT_THAT(std::string(WritePortFile(path, {{"grpc", 5}}).message()),
                ::testing::StartsWith("--port-file: found " + path));
  }
}

}  // namespace
}  // namespace peregrine::server
