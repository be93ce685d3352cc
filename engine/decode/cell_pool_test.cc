#include "engine/decode/cell_pool.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace peregrine::decode {
namespace {

TEST(BlockPoolTest, HandsOutEveryBlockOnceAndRecentOnesFirst) {
  BlockPool pool(3);
  std::set<int> cells;
  for (int i = 0; i < 3; ++i) cells.insert(pool.Take());
  EXPECT_EQ(cells, (std::set<int>{0, BlockPool::kBlockCells,
                                  2 * BlockPool::kBlockCells}));
  EXPECT_EQ(pool.num_free(), 0);
  pool.Give(BlockPool::kBlockCells);
  EXPECT_EQ(pool.Take(), BlockPool::kBlockCells);
}

TEST(BlockPoolDeathTest, RefusesToRunOut) {
  BlockPool pool(1);
  pool.Take();
  EXPECT_DEATH(pool.Take(), "all 1 blocks are in use");
}

TEST(RunPoolTest, RoundsToGranularity) {
  EXPECT_EQ(RunPool::Rounded(1), RunPool::kGranularity);
  EXPECT_EQ(RunPool::Rounded(RunPool::kGranularity), RunPool::kGranularity);
  EXPECT_EQ(RunPool::Rounded(RunPool::kGranularity + 1),
            2 * RunPool::kGranularity);
}

TEST(RunPoolTest, MergesWhatIsGivenBack) {
  RunPool pool(64, 4);
  const int a = pool.Take(16);
  const int b = pool.Take(16);
  const int c = pool.Take(32);
  EXPECT_EQ(pool.Take(1), -1);
  pool.Give(a, 16);
  pool.Give(c, 32);
  EXPECT_EQ(pool.largest_run(), 32);
  pool.Give(b, 16);
  EXPECT_EQ(pool.largest_run(), 64);
}

// Whether no run of `taken` (first cell -> cells) is there.
bool IsFree(const std::map<int, int>& taken, int first, int cells,
            int num_cells) {
  const int end = first + RunPool::Rounded(cells);
  const auto next = taken.lower_bound(first);
  if (end > num_cells || (next != taken.end() && next->first < end)) {
    return false;
  }
  return next == taken.begin() ||
         std::prev(next)->first + RunPool::Rounded(std::prev(next)->second) <=
             first;
}

TEST(RunPoolTest, TakesARunAgain) {
  RunPool pool(64, 4);
  pool.TakeAt(16, 20);
  EXPECT_EQ(pool.largest_run(), 16);
  pool.TakeAt(48, 16);
  EXPECT_EQ(pool.Take(16), 0);
  EXPECT_EQ(pool.largest_run(), 0);
  pool.Give(16, 20);
  pool.TakeAt(32, 16);
  EXPECT_EQ(pool.Take(16), 16);
}

TEST(RunPoolDeathTest, TakesNoCellsTwice) {
  RunPool pool(64, 4);
  pool.TakeAt(16, 16);
  EXPECT_DEATH(pool.TakeAt(0, 32), "from 0 to 32 are not free");
  EXPECT_DEATH(pool.TakeAt(16, 16), "from 16 to 32 are not free");
}

// Whatever is taken and given back, runs never overlap and nothing is lost.
TEST(RunPoolTest, KeepsItsBooksUnderRandomUse) {
  std::mt19937 random(3);
  constexpr int kCells = 1024;
  RunPool pool(kCells, kCells);
  std::map<int, int> taken;  // first cell -> cells asked for
  for (int round = 0; round < 20000; ++round) {
    if (taken.empty() || random() % 2 == 0) {
      const int cells = 1 + static_cast<int>(random() % 100);
      const int largest = pool.largest_run();
      int first = pool.Take(cells);
      ASSERT_EQ(first >= 0, RunPool::Rounded(cells) <= largest);
      if (first >= 0 && random() % 2 == 0) {
        // Any part of what was free can be had.
        pool.Give(first, cells);
        first += static_cast<int>(random() % 3) * RunPool::kGranularity;
        if (!IsFree(taken, first, cells, kCells)) continue;
        pool.TakeAt(first, cells);
      }
      if (first >= 0) {
        ASSERT_TRUE(taken.emplace(first, cells).second);
      }
    } else {
      auto victim = std::next(taken.begin(), random() % taken.size());
      pool.Give(victim->first, victim->second);
      taken.erase(victim);
    }
    int end = 0;
    for (const auto& [first, cells] : taken) {
      ASSERT_GE(first, end) << "overlap in round " << round;
      end = first + RunPool::Rounded(cells);
    }
    ASSERT_LE(end, kCells);
  }
  for (const auto& [first, cells] : taken) pool.Give(first, cells);
  EXPECT_EQ(pool.largest_run(), kCells);
}

}  // namespace
}  // namespace peregrine::decode
