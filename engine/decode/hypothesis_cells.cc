#include "engine/decode/hypothesis_cells.h"

#include <algorithm>

namespace peregrine::decode {

HypothesisCells::HypothesisCells(int beam_size, int max_positions)
    : max_positions_(max_positions),
      table_(static_cast<size_t>(beam_size) * max_positions),
      next_table_(beam_size > 1 ? table_.size() : 0) {
  taken_.reserve(MaxBlocks(beam_size, max_positions));
  free_.reserve(beam_size > 1 ? table_.size() : 0);
  survives_.reserve(beam_size);
}

int HypothesisCells::MaxBlocks(int beam_size, int max_positions) {
  return beam_size * ((max_positions + BlockPool::kBlockCells - 1) /
                      BlockPool::kBlockCells);
}

void HypothesisCells::Extend(const std::vector<BeamSearch::Live>& live,
                             int step, BlockPool& pool) {
  if (step > 0) {
    FreeTheDead(live, step);
    Reorder(live, step);
  }
  num_rows_ = live.size();
  for (size_t j = 0; j < live.size(); ++j) Row(table_, j)[step] = NewCell(pool);
}

void HypothesisCells::Release(BlockPool& pool) {
  for (int block : taken_) pool.Give(block);
  taken_.clear();
  free_.clear();
}

// Each cell of a row that nobody continues, from the newest back to the first
// that another row reads, too: what came before they share as well.
void HypothesisCells::FreeTheDead(const std::vector<BeamSearch::Live>& live,
                                  int step) {
  survives_.assign(num_rows_, false);
  for (const BeamSearch::Live& one : live) survives_[one.parent] = true;
  for (size_t j = 0; j < num_rows_; ++j) {
    if (survives_[j]) continue;
    for (int position = step - 1; position >= 0; --position) {
      if (IsRead(j, position)) break;
      free_.push_back(Row(table_, j)[position]);
    }
  }
}

// Whether the cell of row `lost` is also that of a row that survives, or of a
// lost one that has been dealt with.
bool HypothesisCells::IsRead(size_t lost, int position) {
  const int32_t cell = Row(table_, lost)[position];
  for (size_t j = 0; j < num_rows_; ++j) {
    if ((survives_[j] || j < lost) && Row(table_, j)[position] == cell) {
      return true;
    }
  }
  return false;
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

int HypothesisCells::NewCell(BlockPool& pool) {
  if (!free_.empty()) {
    const int32_t cell = free_.back();
    free_.pop_back();
    return cell;
  }
  if (taken_.empty() || used_of_block_ == BlockPool::kBlockCells) {
    taken_.push_back(pool.Take());
    used_of_block_ = 0;
  }
  return taken_.back() + used_of_block_++;
}

}  // namespace peregrine::decode
