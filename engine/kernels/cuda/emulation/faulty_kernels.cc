#include "engine/kernels/cuda/emulation/faulty_kernels.h"

#include "engine/kernels/cuda/device_code.cuh"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

__global__ void ChainKernel(int* values) {
  if (threadIdx.x != 0) return;
  values[blockIdx.x + 1] = values[blockIdx.x] + 1;
}

__global__ void CountBlocksKernel(int* count) {
  const int before = *count;
  __syncthreads();
  if (threadIdx.x == 0) *count = before + 1;
}

__global__ void ReverseKernel(float* values) {
  PEREGRINE_SHARED(float[kFaultyThreads], shared);
  shared[threadIdx.x] = values[threadIdx.x];
  values[threadIdx.x] = shared[kFaultyThreads - 1 - threadIdx.x];
}

__global__ void DivergentBarrierKernel() {
  if (threadIdx.x % 2 == 0) __syncthreads();
}

__global__ void CopyVectorsKernel(const float* from, float* to) {
  const uint4 vector = *reinterpret_cast<const uint4*>(from);
  *reinterpret_cast<uint4*>(to) = vector;
}

__global__ void PastTheEndKernel(float* values, int count) {
  values[count + threadIdx.x] = 0.0f;
}

__global__ void PastSharedKernel(int index) {
  PEREGRINE_SHARED(float[kFaultyThreads], shared);
  float* const memory = shared;  // its bounds are known no more
  memory[index] = 0.0f;
}

__global__ void ReadSharedKernel(float* values) {
  PEREGRINE_SHARED(float[kFaultyThreads], shared);
  values[threadIdx.x] = shared[threadIdx.x];
}

__global__ void MuchSharedKernel() {
  PEREGRINE_SHARED(float[10 << 10], shared);
  shared[0] = 0.0f;
}

__global__ void OverflowKernel(int rows, int cols, float* values) {
  values[rows * cols > 0 ? 0 : 1] = 1.0f;
}

__global__ void RoundBitsKernel(const float* from, uint16_t* to) {
  const uint32_t bits = __float_as_uint(*from);
  to[0] = static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  to[1] = BFloat16Bits(*from);
}

__global__ void ManyThreadsKernel() {}

__global__ void CopyWithoutWaitingKernel(const float* from, float* to) {
  PEREGRINE_SHARED(float[kFaultyThreads], shared);
  __pipeline_memcpy_async(&shared[threadIdx.x], &from[threadIdx.x],
                          sizeof(float));
  __pipeline_commit();
  to[threadIdx.x] = shared[threadIdx.x];
  __pipeline_wait_prior(0);
}

__global__ void LeaveCopiesKernel(const float* from) {
  PEREGRINE_SHARED(float[kFaultyThreads], shared);
  __pipeline_memcpy_async(&shared[threadIdx.x], &from[threadIdx.x],
                          sizeof(float));
  __pipeline_commit();
}

__global__ void CopyMisalignedKernel(const float* from) {
  PEREGRINE_SHARED(float[kFaultyThreads], shared);
  __pipeline_memcpy_async(&shared[2], from, 4 * sizeof(float));
  __pipeline_commit();
  __pipeline_wait_prior(0);
}

__global__ void HastyKernel() {
  if (threadIdx.x % 2 == 0) AwaitEarlierKernel();
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
