#include "engine/kernels/cuda/arena.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>

namespace peregrine::kernels {
namespace {

TEST(ArenaTest, TakesWhatFitsAndNoMore) {
  Arena arena(1000);
  EXPECT_EQ(arena.bytes(), 768u) << "whole multiples of the alignment";
  EXPECT_EQ(arena.Take(769), std::nullopt);
  EXPECT_EQ(arena.Take(SIZE_MAX), std::nullopt);
  EXPECT_EQ(arena.Take(1), 0u);
  EXPECT_EQ(arena.Take(257), 256u);
  EXPECT_EQ(arena.bytes_in_use(), 768u);
  EXPECT_EQ(arena.Take(0), std::nullopt) << "even nothing has a place";
}

TEST(ArenaTest, NeighboursMerge) {
  Arena arena(768);
  const size_t first = *arena.Take(256);
  const size_t second = *arena.Take(256);
  const size_t third = *arena.Take(256);
  arena.Give(first);
  arena.Give(third);
  EXPECT_EQ(arena.largest_gap(), 256u);
  arena.Give(second);
  EXPECT_EQ(arena.largest_gap(), 768u);
  EXPECT_EQ(arena.Take(768), 0u);
}

TEST(ArenaTest, TakesTheSmallestGapThatIsLargeEnough) {
  Arena arena(8 * 256);
  const size_t large = *arena.Take(3 * 256);
  ASSERT_EQ(*arena.Take(256), 3u * 256);
  const size_t small = *arena.Take(256);
  ASSERT_EQ(*arena.Take(3 * 256), 5u * 256);
  arena.Give(large);
  arena.Give(small);
  EXPECT_EQ(*arena.Take(256), small);
  EXPECT_EQ(*arena.Take(256), large);
}

TEST(ArenaTest, NoTwoOverlapWhateverComesAndGoes) {
  constexpr size_t kBytes = 64 * Arena::kAlignment;
  Arena arena(kBytes);
  std::mt19937 random(7);
  std::map<size_t, size_t> live;  // offset to size
  size_t in_use = 0;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 == 0 && !live.empty()) {
      auto it = std::next(live.begin(), random() % live.size());
      arena.Give(it->first);
      in_use -= it->second;
      live.erase(it);
    } else {
      const size_t size = (random() % 12 + 1) * Arena::kAlignment;
      const size_t gap = arena.largest_gap();
      const std::optional<size_t> offset = arena.Take(size);
      ASSERT_EQ(offset.has_value(), size <= gap);
      if (!offset.has_value()) continue;
      const auto next = live.lower_bound(*offset);
      ASSERT_TRUE(next == live.end() || *offset + size <= next->first);
      if (next != live.begin()) {
        const auto previous = std::prev(next);
        ASSERT_LE(previous->first + previous->second, *offset);
      }
      ASSERT_LE(*offset + size, kBytes);
      live[*offset] = size;
      in_use += size;
    }
    ASSERT_EQ(arena.bytes_in_use(), in_use);
  }
  for (const auto& [offset, size] : live) arena.Give(offset);
  EXPECT_EQ(arena.largest_gap(), kBytes);
}

TEST(ArenaDeathTest, GivesNothingBackTwice) {
  Arena arena(512);
  const size_t offset = *arena.Take(10);
  arena.Give(offset);
  EXPECT_DEATH(arena.Give(offset), "nothing taken at 0");
}

}  // namespace
}  // namespace peregrine::kernels
