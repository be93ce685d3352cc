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

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_RUNTIME_H_
