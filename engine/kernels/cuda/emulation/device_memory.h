#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_DEVICE_MEMORY_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_DEVICE_MEMORY_H_

#include <cstddef>

#include "engine/kernels/cuda/emulation/shared_memory.h"

// The memory of the emulated GPUs, and pinned memory of the host. Thread-safe.
namespace cuda_emulation {

constexpr int kNumDevices = 2;
constexpr int kHostMemory = -1;  // in place of a device

// Null: there is no more.
void* AllocateMemory(size_t bytes, int device);
void FreeMemory(void* data);

// Whether all of it is in one allocation of a device.
bool IsDeviceMemory(const void* data, size_t bytes);

// While a device works on what is in a stream. Once memory of two devices was
// taken, they take turns, and that of the other one faults.
class DeviceAtWork {
 public:
  explicit DeviceAtWork(int device);
  ~DeviceAtWork();
  DeviceAtWork(const DeviceAtWork&) = delete;
  DeviceAtWork& operator=(const DeviceAtWork&) = delete;

 private:
  const bool alone_;
};

// Copies and fills as the device does: where the address sanitizer watches,
// code of the host may not touch memory of devices.
void CopyBytes(void* to, const void* from, size_t bytes);
void SetBytes(void* to, int value, size_t bytes);

}  // namespace cuda_emulation

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_DEVICE_MEMORY_H_
