#ifndef PEREGRINE_ENGINE_DECODE_HYPOTHESIS_CELLS_H_
#define PEREGRINE_ENGINE_DECODE_HYPOTHESIS_CELLS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/decode/beam_search.h"
#include "engine/decode/cell_pool.h"

namespace peregrine::decode {

// Which cells of the target cache the live hypotheses of one sentence read:
// their ancestors' and their own. Keys and values stay where they were written;
// reordering a beam copies four bytes a position. Allocates when it is made and
// not while it grows.
class HypothesisCells {
 public:
  HypothesisCells(int beam_size, int max_positions);

  // Most blocks that a sentence ever takes from its pool.
  static int MaxBlocks(int beam_size, int max_positions);

  // Follows the parents of the live hypotheses and gives each the cell of
  // position `step`.
  void Extend(const std::vector<BeamSearch::Live>& live, int step,
              BlockPool& pool);

  // Cells of positions 0 to `step` of live hypothesis j.
  const int32_t* row(size_t j) const {
    return table_.data() + j * static_cast<size_t>(max_positions_);
  }

  // Gives all blocks back.
  void Release(BlockPool& pool);

 private:
  // Where the hypothesis at one place in the beam writes.
  struct Block {
    int first_cell = -1;
    int index = -1;  // which kBlockCells positions it is for
  };

  int32_t* Row(std::vector<int32_t>& table, size_t j) {
    return table.data() + j * static_cast<size_t>(max_positions_);
  }
  void Reorder(const std::vector<BeamSearch::Live>& live, int step);
  int NewCell(size_t j, int step, BlockPool& pool);

  const int max_positions_;
  std::vector<Block> blocks_;        // [beam_size]
  std::vector<int> taken_;           // first cells of all blocks
  std::vector<int32_t> table_;       // [beam_size, max_positions]
  std::vector<int32_t> next_table_;  // likewise; unused by greedy search
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_HYPOTHESIS_CELLS_H_
