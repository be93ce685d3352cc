#include "server/cpu_count.h"

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

}  // namespace
}  // namespace peregrine::server
