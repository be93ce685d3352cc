#ifndef PEREGRINE_ENGINE_MODEL_DEVICE_MEMORY_H_
#define PEREGRINE_ENGINE_MODEL_DEVICE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/kernels/kernels.h"

namespace peregrine::model {

// Owns the device memory of one session: everything is allocated when the
// session is made and nothing while it runs. `kernels` must outlive it.
class DeviceMemory {
 public:
  explicit DeviceMemory(kernels::Kernels& kernels) : kernels_(kernels) {}

  absl::Status NewMatrix(size_t rows, int cols, kernels::Matrix* matrix);
  // Elements of 16 bits.
  absl::Status NewBFloat16(size_t count, uint16_t** data);
  absl::Status NewInts(size_t count, int32_t** ints);

 private:
  absl::StatusOr<void*> Allocate(size_t bytes);

  kernels::Kernels& kernels_;
  std::vector<std::unique_ptr<kernels::Buffer>> buffers_;
};

// Integers that the host fills in and the device reads. push_back on `host` up
// to the capacity does not allocate.
class UploadedInts {
 public:
  absl::Status Reserve(size_t capacity, DeviceMemory& memory);

  std::vector<int32_t> host;

  // Where it will be on the device.
  int32_t* device() const { return device_; }
  // Copies `host` to the device and returns where it is.
  int32_t* Upload(kernels::Kernels& kernels);

 private:
  int32_t* device_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_DEVICE_MEMORY_H_
