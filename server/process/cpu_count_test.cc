#include "server/process/cpu_count.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(CpuCountTest, QuotasAreRoundedUp) {
  EXPECT_EQ(CpusOfQuota("200000 100000\n"), 2);
  EXPECT_EQ(CpusOfQuota("150000 100000"), 2);
  EXPECT_EQ(CpusOfQuota("50000 100000"), 1);
}

TEST(CpuCountTest, NoQuota) {
  EXPECT_EQ(CpusOfQuota("max 100000\n"), 0);
  EXPECT_EQ(CpusOfQuota(""), 0);
  EXPECT_EQ(CpusOfQuota("-1 100000"), 0);
  EXPECT_EQ(CpusOfQuota("nonsense"), 0);
}

TEST(CpuCountTest, ThereIsAtLeastOne) { EXPECT_GE(AvailableCpus(), 1); }

TEST(CpuCountTest, ReadsControlGroupsOfBothVersions) {
  namespace fs = std::filesystem;
  const std::string folder = ::testing::TempDir() + "/cpu_count_test";
  fs::remove_all(folder);
  fs::create_directories(folder + "/cpu");
  EXPECT_EQ(CpusOfCgroup(folder), 0);
  std::ofstream(folder + "/cpu/cpu.cfs_quota_us") << "250000\n";
  std::ofstream(folder + "/cpu/cpu.cfs_period_us") << "100000\n";
  EXPECT_EQ(CpusOfCgroup(folder), 3);
  std::ofstream(folder + "/cpu/cpu.cfs_quota_us") << "-1\n";
  EXPECT_EQ(CpusOfCgroup(folder), 0);
  std::ofstream(folder + "/cpu.max") << "150000 100000\n";
  EXPECT_EQ(CpusOfCgroup(folder), 2);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace peregrine::server
