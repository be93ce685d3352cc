#ifndef PEREGRINE_ENGINE_DECODE_CELL_POOL_H_
#define PEREGRINE_ENGINE_DECODE_CELL_POOL_H_

#include <vector>

namespace peregrine::decode {

// Who owns which cells of a key-value cache (kernels::KvCells). Both pools hand
// out recently freed cells first, so that the memory touched stays close to
// the most that was ever in use at once. Nothing allocates after construction.

// Blocks of kBlockCells cells, one at a time: the target side, where every
// hypothesis grows by one cell a step.
class BlockPool {
 public:
  static constexpr int kBlockCells = 16;

  explicit BlockPool(int num_blocks);

  // First cell of a free block. There must be one (CHECK).
  int Take();
  void Give(int first_cell);

  int num_free() const { return static_cast<int>(free_.size()); }

 private:
  const int num_blocks_;
  std::vector<int> free_;  // first cells
};

// Runs of neighbouring cells: the source side, where the length is known from
// the start. First fit, neighbouring free runs merge.
class RunPool {
 public:
  // Runs are whole multiples of this, so that leftovers are of use.
  static constexpr int kGranularity = 16;
  static int Rounded(int num_cells);

  RunPool(int num_cells, int max_runs);

  // First cell of a run of Rounded(num_cells), or -1 where none is free.
  int Take(int num_cells);
  // The run that begins at `first_cell`, which must be free (CHECK).
  void TakeAt(int first_cell, int num_cells);
  void Give(int first_cell, int num_cells);

  // Any set of runs of this many cells together can be taken.
  int largest_run() const;

 private:
  struct Run {
    int begin;
    int end;
  };
  std::vector<Run> free_;  // sorted, neither touching nor overlapping
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_CELL_POOL_H_
