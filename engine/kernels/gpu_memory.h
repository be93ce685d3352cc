#ifndef PEREGRINE_ENGINE_KERNELS_GPU_MEMORY_H_
#define PEREGRINE_ENGINE_KERNELS_GPU_MEMORY_H_

#include <cstddef>
#include <string>
#include <vector>

namespace peregrine::kernels {

// What this process has taken of a GPU's memory, for its models and sessions.
struct GpuMemory {
  std::string device;  // "cuda:0"
  size_t used_bytes = 0;
  size_t free_bytes = 0;  // taken, and not used yet
};

// Of every GPU that models or workers of this process are on. Thread-safe.
std::vector<GpuMemory> MemoryOfGpus();

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_GPU_MEMORY_H_
