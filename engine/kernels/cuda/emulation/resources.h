#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_RESOURCES_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_RESOURCES_H_

namespace cuda_emulation {

// A row of resources.tsv: one instance of a kernel on one architecture.
struct KernelResources {
  const char* kernel;
  int registers;  // of a thread
};
constexpr KernelResources kKernelResources[] = {
#include "kernel_resources.inc"
};

}  // namespace cuda_emulation

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_RESOURCES_H_
