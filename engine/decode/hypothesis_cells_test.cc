#include "engine/decode/hypothesis_cells.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace peregrine::decode {
namespace {

// Random beams: a hypothesis reads what its ancestors wrote, no cell is written
// that another one reads, and all blocks return.
TEST(HypothesisCellsTest, FollowsAncestors) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    const int beam_size = 1 + static_cast<int>(random() % 6);
    const int positions = 1 + static_cast<int>(random() % 60);
    const int blocks = HypothesisCells::MaxBlocks(beam_size, positions);
    BlockPool pool(blocks);
    HypothesisCells cells(beam_size, positions);
    std::vector<std::vector<int32_t>> expected(
        1);  // cells of each live hypothesis
    for (int step = 0; step < positions; ++step) {
      const size_t count = step == 0 ? 1 : 1 + random() % beam_size;
      std::vector<BeamSearch::Live> live(count);
      std::vector<std::vector<int32_t>> next;
      for (BeamSearch::Live& one : live) {
        one.parent = static_cast<int>(random() % expected.size());
        next.push_back(expected[one.parent]);
      }
      cells.Extend(live, step, pool);
      std::set<int32_t> in_use;
      for (const auto& row : next) in_use.insert(row.begin(), row.end());
      for (size_t j = 0; j < count; ++j) {
        const int32_t* row = cells.row(j);
        ASSERT_EQ(std::vector<int32_t>(row, row + step), next[j]);
        ASSERT_TRUE(in_use.insert(row[step]).second) << "cell in use";
        next[j].push_back(row[step]);
      }
      expected = std::move(next);
    }
    cells.Release(pool);
    EXPECT_EQ(pool.num_free(), blocks);
  }
}

// Beams of one family: two thirds of the hypotheses die at once.
TEST(HypothesisCellsTest, UsesTheCellsOfTheDeadAgain) {
  constexpr int kBeamSize = 6;
  constexpr int kPositions = 160;
  const int blocks = HypothesisCells::MaxBlocks(kBeamSize, kPositions);
  BlockPool pool(blocks);
  HypothesisCells cells(kBeamSize, kPositions);
  for (int step = 0; step < kPositions; ++step) {
    std::vector<BeamSearch::Live> live(step == 0 ? 1 : kBeamSize);
    for (size_t j = 0; j < live.size(); ++j) {
      live[j].parent = step == 1 ? 0 : static_cast<int>(j / 3);
    }
    cells.Extend(live, step, pool);
  }
  // Every position once, and the few steps in which the family parts.
  EXPECT_LE(blocks - pool.num_free(), kPositions / BlockPool::kBlockCells + 3);
  EXPECT_GE(blocks - pool.num_free(), kPositions / BlockPool::kBlockCells);
  cells.Release(pool);
  EXPECT_EQ(pool.num_free(), blocks);
}

}  // namespace
}  // namespace peregrine::decode
