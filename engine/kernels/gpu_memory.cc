#include "engine/kernels/gpu_memory.h"

#ifdef PEREGRINE_HAS_CUDA
#include "engine/kernels/cuda/cuda_device.h"
#endif

namespace peregrine::kernels {

std::vector<GpuMemory> MemoryOfGpus() {
  std::vector<GpuMemory> memory;
#ifdef PEREGRINE_HAS_CUDA
  for (const auto& device : cuda::CudaDevice::InUse()) {
    const size_t used = device->memory_bytes_in_use();
    memory.push_back({device->name(), used, device->memory_bytes() - used});
  }
#endif
  return memory;
}

}  // namespace peregrine::kernels
