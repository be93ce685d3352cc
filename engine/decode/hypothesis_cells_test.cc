#include "engine/decode/hypothesis_cells.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

namespace peregrine::decode {
namespace {

// Random beams: a hypothesis reads what its ancestors wrote, no cell is written
// twice, and all blocks return.
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
    std::set<int32_t> written;
    for (int step = 0; step < positions; ++step) {
      const size_t count = step == 0 ? 1 : 1 + random() % beam_size;
      std::vector<BeamSearch::Live> live(count);
      std::vector<std::vector<int32_t>> next;
      for (BeamSearch::Live& one : live) {
        one.parent = static_cast<int>(random() % expected.size());
        next.push_back(expected[one.parent]);
      }
      cells.Extend(live, step, pool);
      for (size_t j = 0; j < count; ++j) {
        const int32_t* row = cells.row(j);
        ASSERT_EQ(std::vector<int32_t>(row, row + step), next[j]);
        ASSERT_TRUE(written.insert(row[step]).second) << "cell written twice";
        next[j].push_back(row[step]);
      }
      expected = std::move(next);
    }
    cells.Release(pool);
    EXPECT_EQ(pool.num_free(), blocks);
  }
}

}  // namespace
}  // namespace peregrine::decode
