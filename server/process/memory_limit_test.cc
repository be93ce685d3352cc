#include "server/process/memory_limit.h"

#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(MemoryLimitTest, ReadsControlGroupsOfBothVersions) {
  namespace fs = std::filesystem;
  const std::string folder = ::testing::TempDir() + "/memory_limit_test";
  fs::remove_all(folder);
  fs::create_directories(folder + "/memory");
  EXPECT_EQ(MemoryOfCgroup(folder), 0);
  std::ofstream(folder + "/memory/memory.limit_in_bytes")
      << "9223372036854771712\n";
  EXPECT_EQ(MemoryOfCgroup(folder), 0);
  std::ofstream(folder + "/memory/memory.limit_in_bytes") << "1048576\n";
  EXPECT_EQ(MemoryOfCgroup(folder), 1048576);
  std::ofstream(folder + "/memory.max") << "max\n";
  EXPECT_EQ(MemoryOfCgroup(folder), 1048576);
  std::ofstream(folder + "/memory.max") << "2097152\n";
  EXPECT_EQ(MemoryOfCgroup(folder), 2097152);
  fs::remove_all(folder);
}

TEST(MemoryLimitTest, ThisProcessIsWithinItsLimit) {
  EXPECT_GT(ResidentMemory(), 0);
  EXPECT_GT(MemoryLimit(), ResidentMemory());
}

}  // namespace
}  // namespace peregrine::server
