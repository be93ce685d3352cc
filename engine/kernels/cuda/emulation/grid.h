#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_GRID_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_GRID_H_

#include <cstddef>
#include <cstdint>
#include <functional>

namespace cuda_emulation {

constexpr int kMaxBlockThreads = 1024;

struct Extent {
  unsigned x, y, z;
  size_t count() const { return size_t{x} * y * z; }
};

// A kernel with its arguments, and how it was launched.
struct KernelLaunch {
  const char* name = "";
  std::function<void()> kernel;
  Extent grid;
  Extent block;
  size_t shared_bytes = 0;
  bool dependent = false;  // must wait for the grid before it
};

// Runs all blocks of a grid, in an order and with turns that differ from launch
// to launch but not from run to run: a few blocks are under way at once, and a
// random one of them gets from one barrier to the next. Returns when all have
// ended.
void RunGrid(const KernelLaunch& launch);

// ---- For the thread of a block that runs now.

void Wait(bool whole_block);  // at a barrier: of the block, or of its warp
uint32_t ShuffleXor(uint32_t bits, int lanes);
bool IsFirstLane();
// Copies of 4, 8 or 16 bytes to shared memory; done by AwaitCopies, which
// leaves the last `groups` of those committed under way.
void CopyAsync(void* to, const void* from, size_t bytes);
void CommitCopies();
void AwaitCopies(size_t groups);
void AwaitEarlierGrid();
unsigned char* DynamicShared();
void* SharedVariable(int line, size_t bytes);

}  // namespace cuda_emulation

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_GRID_H_
