#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_FAULTY_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_FAULTY_KERNELS_H_

#include <cstdint>

#include "engine/kernels/cuda/runtime.h"

// Kernels that each commit one fault on purpose, which emulation_test.cc
// expects to be found. Apart from it, since kernels are compiled without
// sanitizers.
namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

constexpr int kFaultyThreads = 64;  // of a block

// Relies on blocks running in order.
void ChainKernel(int* values);
// Reads, lets others run, and writes.
void CountBlocksKernel(int* count);
// Reads what another thread writes, without a barrier.
void ReverseKernel(float* values);
void DivergentBarrierKernel();
void CopyVectorsKernel(const float* from, float* to);
void PastTheEndKernel(float* values, int count);
void PastSharedKernel(int index);
void ReadSharedKernel(float* values);
void MuchSharedKernel();
// As a long index is computed in 32 bits.
void OverflowKernel(int rows, int cols, float* values);
// Rounds as if a NaN were a number.
void RoundBitsKernel(const float* from, uint16_t* to);
void ManyThreadsKernel();
// Uses what it copies before it has waited for it.
void CopyWithoutWaitingKernel(const float* from, float* to);
// Ends while it copies.
void LeaveCopiesKernel(const float* from);
// Copies 16 bytes to where 8 fit.
void CopyMisalignedKernel(const float* from);
// Does not wait for the kernel before it in some of its threads.
void HastyKernel();

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_FAULTY_KERNELS_H_
