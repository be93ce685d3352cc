#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_RUNTIME_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_RUNTIME_H_

// The CUDA runtime, or its emulation on the host (emulation/), under which the
// tests run every line of this folder where there is no GPU. The two live in
// namespaces of their own, so that a program may hold both.

#ifdef PEREGRINE_CUDA_EMULATION
#include "engine/kernels/cuda/emulation/cuda_runtime.h"
#define PEREGRINE_CUDA_NAMESPACE cuda_emulated
#else
#include <cuda_runtime_api.h>
#define PEREGRINE_CUDA_NAMESPACE cuda
#endif

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// A stream, and how kernels start in it. `dependent`: each may begin before the
// one ahead of it has ended (programmatic dependent launch, from compute
// capability 9.0 on).
class KernelStream {
 public:
  KernelStream(cudaStream_t stream, bool dependent = false)  // NOLINT: implicit
      : stream_(stream), dependent_(dependent) {}
  operator cudaStream_t() const { return stream_; }  // NOLINT: likewise
  bool dependent() const { return dependent_; }

 private:
  cudaStream_t stream_;
  bool dependent_;
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_RUNTIME_H_
