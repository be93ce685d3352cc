#ifndef PEREGRINE_ENGINE_DECODE_ROW_CELLS_H_
#define PEREGRINE_ENGINE_DECODE_ROW_CELLS_H_

#include <cstdint>
#include <vector>

#include "engine/decode/cell_pool.h"

namespace peregrine::decode {

// The cells of the target cache that one sentence writes when nobody on the
// host knows its hypotheses yet: each row of the beam has a cell of its own at
// every position. That takes as many as HypothesisCells may, which finds fewer
// to be enough where it knows the parents. What a row reads, the device knows.
// Allocates when it is made and not while it grows.
class RowCells {
 public:
  // HypothesisCells::MaxBlocks holds for these, too.
  RowCells(int beam_size, int max_positions);

  // Appends to `cells` the cell of position `step` of each row. Steps rise by
  // one from 0.
  void Extend(int step, BlockPool& pool, std::vector<int32_t>& cells);

  // Gives all blocks back.
  void Release(BlockPool& pool);

 private:
  int beam_size_;
  std::vector<int> blocks_;  // first cells: beam_size each kBlockCells steps
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_ROW_CELLS_H_
