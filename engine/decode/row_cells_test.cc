#include "engine/decode/row_cells.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "engine/decode/hypothesis_cells.h"

namespace peregrine::decode {
namespace {

// Two sentences fill a pool of what HypothesisCells may take; no cell is given
// twice, and all blocks return.
TEST(RowCellsTest, EveryRowHasItsOwn) {
  constexpr int kPositions = 37;
  const int blocks = HypothesisCells::MaxBlocks(3, kPositions) +
                     HypothesisCells::MaxBlocks(1, kPositions);
  BlockPool pool(blocks);
  RowCells beam(3, kPositions);
  RowCells greedy(1, kPositions);
  std::set<int32_t> in_use;
  for (int step = 0; step < kPositions; ++step) {
    std::vector<int32_t> cells = {-1};
    beam.Extend(step, pool, cells);
    greedy.Extend(step, pool, cells);
    ASSERT_EQ(cells.size(), 1u + 3u + 1u) << "it appends";
    for (size_t i = 1; i < cells.size(); ++i) {
      ASSERT_TRUE(in_use.insert(cells[i]).second) << cells[i] << " is in use";
      ASSERT_GE(cells[i], 0);
      ASSERT_LT(cells[i], blocks * BlockPool::kBlockCells);
    }
  }
  EXPECT_EQ(pool.num_free(), 0);
  beam.Release(pool);
  greedy.Release(pool);
  EXPECT_EQ(pool.num_free(), blocks);
}

}  // namespace
}  // namespace peregrine::decode
