#include "engine/decode/row_cells.h"

#include "engine/decode/hypothesis_cells.h"

namespace peregrine::decode {

RowCells::RowCells(int beam_size, int max_positions) : beam_size_(beam_size) {
  blocks_.reserve(HypothesisCells::MaxBlocks(beam_size, max_positions));
}

void RowCells::Extend(int step, BlockPool& pool, std::vector<int32_t>& cells) {
  const int in_block = step % BlockPool::kBlockCells;
  if (in_block == 0) {
    for (int row = 0; row < beam_size_; ++row) blocks_.push_back(pool.Take());
  }
  for (auto block = blocks_.end() - beam_size_; block != blocks_.end();
       ++block) {
    cells.push_back(*block + in_block);
  }
}

void RowCells::Release(BlockPool& pool) {
  for (int block : blocks_) pool.Give(block);
  blocks_.clear();
}

}  // namespace peregrine::decode
