#include "engine/decode/cell_pool.h"

#include <algorithm>

#include "engine/base/check.h"

namespace peregrine::decode {

BlockPool::BlockPool(int num_blocks) : num_blocks_(num_blocks) {
  free_.reserve(num_blocks);
  for (int block = num_blocks - 1; block >= 0; --block) {
    free_.push_back(block * kBlockCells);
  }
}

int BlockPool::Take() {
  PEREGRINE_CHECK(!free_.empty())
      << "all " << num_blocks_ << " blocks are in use";
  const int first_cell = free_.back();
  free_.pop_back();
  return first_cell;
}

void BlockPool::Give(int first_cell) {
  PEREGRINE_CHECK(num_free() < num_blocks_) << "block given back twice";
  free_.push_back(first_cell);
}

int RunPool::Rounded(int num_cells) {
  return (num_cells + kGranularity - 1) / kGranularity * kGranularity;
}

RunPool::RunPool(int num_cells, int max_runs) {
  free_.reserve(max_runs + 1);
  free_.push_back({0, num_cells / kGranularity * kGranularity});
}

int RunPool::Take(int num_cells) {
  const int size = Rounded(num_cells);
  for (auto run = free_.begin(); run != free_.end(); ++run) {
    if (run->end - run->begin < size) continue;
    const int first_cell = run->begin;
    run->begin += size;
    if (run->begin == run->end) free_.erase(run);
    return first_cell;
  }
  return -1;
}

void RunPool::TakeAt(int first_cell, int num_cells) {
  const int end = first_cell + Rounded(num_cells);
  auto run = std::upper_bound(
      free_.begin(), free_.end(), first_cell,
      [](int cell, const Run& other) { return cell < other.begin; });
  PEREGRINE_CHECK(run != free_.begin() && (--run)->end >= end)
      << "the cells from " << first_cell << " to " << end << " are not free";
  const Run before{run->begin, first_cell};
  run->begin = end;
  if (before.begin == before.end) {
    if (run->begin == run->end) free_.erase(run);
  } else if (run->begin == run->end) {
    *run = before;
  } else {
    free_.insert(run, before);
  }
}

void RunPool::Give(int first_cell, int num_cells) {
  const Run given{first_cell, first_cell + Rounded(num_cells)};
  auto next = std::lower_bound(
      free_.begin(), free_.end(), given,
      [](const Run& a, const Run& b) { return a.begin < b.begin; });
  const bool joins_next = next != free_.end() && next->begin == given.end;
  const bool joins_previous =
      next != free_.begin() && (next - 1)->end == given.begin;
  PEREGRINE_CHECK(next == free_.end() || next->begin >= given.end);
  PEREGRINE_CHECK(next == free_.begin() || (next - 1)->end <= given.begin);
  if (joins_previous && joins_next) {
    (next - 1)->end = next->end;
    free_.erase(next);
  } else if (joins_previous) {
    (next - 1)->end = given.end;
  } else if (joins_next) {
    next->begin = given.begin;
  } else {
    free_.insert(next, given);
  }
}

int RunPool::largest_run() const {
  int largest = 0;
  for (const Run& run : free_) largest = std::max(largest, run.end - run.begin);
  return largest;
}

}  // namespace peregrine::decode
