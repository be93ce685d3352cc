#include "engine/model/device_memory.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {

absl::StatusOr<void*> DeviceMemory::Allocate(size_t bytes) {
  PEREGRINE_ASSIGN_OR_RETURN(auto buffer, kernels_.Allocate(bytes));
  buffers_.push_back(std::move(buffer));
  return buffers_.back()->data();
}

absl::Status DeviceMemory::NewMatrix(size_t rows, int cols,
                                     kernels::Matrix* matrix) {
  void* data = nullptr;  // a part that the architecture lacks takes no memory
  if (rows > 0 && cols > 0) {
    PEREGRINE_ASSIGN_OR_RETURN(data, Allocate(rows * cols * sizeof(float)));
  }
  *matrix = {static_cast<float*>(data), static_cast<int>(rows), cols};
  return absl::OkStatus();
}

absl::Status DeviceMemory::NewBFloat16(size_t count, uint16_t** data) {
  PEREGRINE_ASSIGN_OR_RETURN(void* memory, Allocate(count * sizeof(uint16_t)));
  *data = static_cast<uint16_t*>(memory);
  return absl::OkStatus();
}

absl::Status DeviceMemory::NewInts(size_t count, int32_t** ints) {
  PEREGRINE_ASSIGN_OR_RETURN(void* data, Allocate(count * sizeof(int32_t)));
  *ints = static_cast<int32_t*>(data);
  return absl::OkStatus();
}

absl::Status UploadedInts::Reserve(size_t capacity, DeviceMemory& memory) {
  host.reserve(capacity);
  capacity_ = capacity;
  return memory.NewInts(capacity, &device_);
}

int32_t* UploadedInts::Upload(kernels::Kernels& kernels) {
  PEREGRINE_CHECK(host.size() <= capacity_)
      << host.size() << " of " << capacity_;
  kernels.CopyToDevice(host.data(), host.size() * sizeof(int32_t), device_);
  return device_;
}

}  // namespace peregrine::model
