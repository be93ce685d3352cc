#include "engine/decode/hypothesis_cells.h"

#include <algorithm>

namespace peregrine::decode {

HypothesisCells::HypothesisCells(int beam_size, int max_positions)
    : max_positions_(max_positions),
      blocks_(beam_size),
      table_(static_cast<size_t>(beam_size) * max_positions),
      next_table_(beam_size > 1 ? table_.size() : 0) {
  taken_.reserve(MaxBlocks(beam_size, max_positions));
}

int HypothesisCells::MaxBlocks(int beam_size, int max_positions) {
  return beam_size * ((max_positions + BlockPool::kBlockCells - 1) /
                      BlockPool::kBlockCells);
}

void HypothesisCells::Extend(const std::vector<BeamSearch::Live>& live,
                             int step, BlockPool& pool) {
  if (step > 0) Reorder(live, step);
  for (size_t j = 0; j < live.size(); ++j)
    Row(table_, j)[step] = NewCell(j, step, pool);
}

void HypothesisCells::Release(BlockPool& pool) {
  for (int block : taken_) pool.Give(block);
  taken_.clear();
}

void HypothesisCells::Reorder(const std::vector<BeamSearch::Live>& live,
                              int step) {
  bool in_place = true;
  for (size_t j = 0; j < live.size(); ++j) {
    in_place = in_place && live[j].parent == static_cast<int>(j);
  }
  if (in_place) return;
  for (size_t j = 0; j < live.size(); ++j) {
    std::copy_n(Row(table_, live[j].parent), step, Row(next_table_, j));
  }
  table_.swap(next_table_);
}

int HypothesisCells::NewCell(size_t j, int step, BlockPool& pool) {
  Block& block = blocks_[j];
  const int index = step / BlockPool::kBlockCells;
  if (block.index != index) {
    block = {pool.Take(), index};
    taken_.push_back(block.first_cell);
  }
  return block.first_cell + step % BlockPool::kBlockCells;
}

}  // namespace peregrine::decode
