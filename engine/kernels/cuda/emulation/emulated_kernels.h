#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_EMULATED_KERNELS_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_EMULATED_KERNELS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// What cuBLASLt is like on an emulated GPU, and which weights it multiplies by.
enum class EmulatedLibrary {
  kAsOnDevices,    // it is there; weights by the thresholds for devices
  kForAll,         // it is there; by all weights, 5 rows at most at a time
  kNoneKeepsRows,  // kForAll, but sums depend on the number of rows
  kAbsent,         // kForAll, but it is not there
};

// The CUDA device on an emulated GPU (cuda_runtime.h), one of two, for tests.
// With `memory_bytes` its memory is an arena of that size; else every
// allocation ends at a page that no one may touch.
absl::StatusOr<std::unique_ptr<Kernels>> MakeEmulatedKernels(
    size_t memory_bytes = 0,
    EmulatedLibrary library = EmulatedLibrary::kAsOnDevices, int index = 0,
    const GpuTuning& tuning = {});

// From now on all calls and kernels of emulated GPUs fail, as when one is lost,
// or for want of memory; `kNone`: no longer.
enum class EmulatedFault { kNone, kDeviceLost, kOutOfMemory };
void InjectFault(EmulatedFault fault);

// What all emulated GPUs have done so far.
struct EmulatedCounts {
  int64_t captures = 0;
  int64_t graph_launches = 0;
  int64_t direct_launches = 0;  // of kernels, outside graphs
  int64_t allocations = 0;      // by the device, not from an arena
  int64_t copies_to_device = 0;
  int64_t copies_to_host = 0;
  int64_t waits = 0;           // for all that a stream was given
  int64_t spinning_waits = 0;  // that keep a core busy
  int64_t products = 0;        // by the emulated cuBLASLt
};
EmulatedCounts CountEmulated();

// The kernels that have run since the last call, by name.
std::map<std::string, int64_t> TakeEmulatedKernels();

// The version of CUDA that the driver is for, as 12040 for 12.4; 0: no driver.
void SetEmulatedDriver(int version);
constexpr int kEmulatedDriver = 13000;  // at first

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_EMULATED_KERNELS_H_
