#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_DEVICE_CODE_CUH_
#define PEREGRINE_ENGINE_KERNELS_CUDA_DEVICE_CODE_CUH_

#include <cstdint>

#include "engine/kernels/cuda/runtime.h"

#ifdef PEREGRINE_CUDA_EMULATION
#define PEREGRINE_UNROLL
#else
// Of the loop that follows: what it indexes can stay in registers.
#define PEREGRINE_UNROLL _Pragma("unroll")
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <mma.h>
// Shared memory whose size the launch decides.
#define PEREGRINE_DYNAMIC_SHARED(name) \
  extern __shared__ __align__(16) unsigned char name[]
// A variable in shared memory, as in PEREGRINE_SHARED(float[4], sums).
#define PEREGRINE_SHARED(type, name) \
  using name##_shared = type;        \
  __shared__ __align__(32) name##_shared name
#endif

// What the kernels of this folder share. All of them keep to these rules, from
// which it follows that a row has the same bits in any company:
//   - what computes an element of a row, and in which order, follows from the
//     shape of the row alone;
//   - fused multiply-adds are written (fmaf); the compiler may form none
//     (--fmad=false).
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

constexpr int kWarpSize = 32;
constexpr unsigned kFullWarp = 0xffffffffu;

// PEREGRINE_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...):
// blocks of `block` threads. A launch error is the result.
#define PEREGRINE_LAUNCH(...) Launch(#__VA_ARGS__, __VA_ARGS__)

// Every kernel calls this before it touches memory that another one writes.
// With KernelStream::dependent it may begin while the kernel before it ends;
// what does not change, such as weights, can be fetched meanwhile. The next one
// may begin from here on.
__device__ inline void AwaitEarlierKernel() {
#ifdef PEREGRINE_CUDA_EMULATION
  cudaGridDependencySynchronize();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  // By the instructions: CUDA 11.8, which the image is built with, has no
  // functions for them yet.
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// `name` begins with that of the kernel; for the emulation.
template <class... Parameters, class... Arguments>
cudaError_t Launch([[maybe_unused]] const char* name,
                   void (*kernel)(Parameters...), dim3 grid, dim3 block,
                   size_t shared_bytes, KernelStream stream,
                   Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return cudaSuccess;
#ifdef PEREGRINE_CUDA_EMULATION
  return cuda_emulation::Launch(
      name, [=] { kernel(static_cast<Parameters>(arguments)...); }, grid, block,
      shared_bytes, stream, stream.dependent());
#else
  if (stream.dependent()) {
    cudaLaunchAttribute attribute{};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &attribute;
    config.numAttrs = 1;
    return cudaLaunchKernelEx(&config, kernel,
                              static_cast<Parameters>(arguments)...);
  }
  kernel<<<grid, block, shared_bytes, stream>>>(arguments...);
  return cudaGetLastError();
#endif
}

__host__ __device__ inline int CeilDiv(int a, int b) { return (a + b - 1) / b; }
__host__ __device__ inline int RoundUp(int a, int multiple) {
  return CeilDiv(a, multiple) * multiple;
}

// ---- Elements of caches and tables: float, or bfloat16 as its bits.

__device__ inline float Widen(float x) { return x; }
__device__ inline float Widen(uint16_t x) {
  return __uint_as_float(static_cast<uint32_t>(x) << 16);
}

// To nearest, ties to even, in one instruction. As ToBFloat16 of
// engine/base/float16.h, but for the bits of a NaN, which stays one.
__device__ inline uint16_t BFloat16Bits(float x) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

__device__ inline void Narrow(float x, float* y) { *y = x; }
__device__ inline void Narrow(float x, uint16_t* y) { *y = BFloat16Bits(x); }

// ---- Reductions: butterflies, so that every lane gets the same bits.

__device__ inline float WarpSum(float x) {
  for (int lanes = kWarpSize / 2; lanes > 0; lanes /= 2) {
    x += __shfl_xor_sync(kFullWarp, x, lanes);
  }
  return x;
}

__device__ inline float WarpMax(float x) {
  for (int lanes = kWarpSize / 2; lanes > 0; lanes /= 2) {
    x = fmaxf(x, __shfl_xor_sync(kFullWarp, x, lanes));
  }
  return x;
}

__device__ inline float Sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_DEVICE_CODE_CUH_
