#include "engine/kernels/cuda/emulation/emulated_kernels.h"

#include <utility>

#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/cuda_device.h"
#include "engine/kernels/cuda/cuda_kernels.h"
#include "engine/kernels/cuda/emulation/cublas_lt.h"

namespace peregrine::kernels {

absl::StatusOr<std::unique_ptr<Kernels>> MakeEmulatedKernels(
    size_t memory_bytes, EmulatedLibrary library, int index,
    const GpuTuning& tuning) {
  using cuda_emulated::CudaDevice;
  PEREGRINE_ASSIGN_OR_RETURN(
      auto device,
      CudaDevice::Create(index, memory_bytes,
                         memory_bytes > 0 ? CudaDevice::Memory::kArena
                                          : CudaDevice::Memory::kSeparate));
  using cuda_emulation::Blas;
  cuda_emulation::SetBlas(library == EmulatedLibrary::kAbsent ? Blas::kAbsent
                          : library == EmulatedLibrary::kNoneKeepsRows
                              ? Blas::kNoneKeepsRows
                              : Blas::kKeepsRows);
  constexpr cuda_emulated::ProductOptions kForAll = {
      true, {1, 1, 4, 5}, {1, 1, 4, 5}};
  return cuda_emulated::CudaKernels::Create(
      std::move(device),
      library == EmulatedLibrary::kAsOnDevices ? cuda_emulated::kLibraryProducts
                                               : kForAll,
      tuning);
}

void InjectFault(EmulatedFault fault) {
  switch (fault) {
    case EmulatedFault::kNone:
      return cuda_emulation::FailWith(cudaSuccess);
    case EmulatedFault::kDeviceLost:
      return cuda_emulation::FailWith(cudaErrorIllegalAddress);
    case EmulatedFault::kOutOfMemory:
      return cuda_emulation::FailWith(cudaErrorMemoryAllocation);
  }
}

EmulatedCounts CountEmulated() {
  const cuda_emulation::Counts counts = cuda_emulation::CountsSoFar();
  return {counts.captures,
          counts.graph_launches,
          counts.direct_launches,
          counts.allocations,
          counts.copies_to_device,
          counts.copies_to_host,
          counts.waits,
          counts.spinning_waits,
          cuda_emulation::ProductsSoFar()};
}

std::map<std::string, int64_t> TakeEmulatedKernels() {
  return cuda_emulation::TakeKernelCounts();
}

void SetEmulatedDriver(int version) {
  cuda_emulation::SetDriverVersion(version);
}

}  // namespace peregrine::kernels
