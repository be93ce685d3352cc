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
// reordering a beam copies four bytes a position. What no live hypothesis reads
// any more is used again, so that a beam needs little more than one cell a
// position. Allocates when it is made and not while it grows.
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
  int32_t* Row(std::vector<int32_t>& table, size_t j) {
    return table.data() + j * static_cast<size_t>(max_positions_);
  }
  void FreeTheDead(const std::vector<BeamSearch::Live>& live, int step);
  bool IsRead(size_t lost, int position);
  void Reorder(const std::vector<BeamSearch::Live>& live, int step);
  int NewCell(BlockPool& pool);

  int max_positions_;
  std::vector<int> taken_;           // first cells of all blocks
  int used_of_block_ = 0;            // of the last one
  std::vector<int32_t> free_;        // cells of the blocks that nobody reads
  size_t num_rows_ = 0;              // in table_
  std::vector<char> survives_;       // by row: some hypothesis continues it
  std::vector<int32_t> table_;       // [beam_size, max_positions]
  std::vector<int32_t> next_table_;  // likewise; unused by greedy search
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_HYPOTHESIS_CELLS_H_
