#include "engine/kernels/cuda/staging.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cuda/cuda_device.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

absl::StatusOr<std::unique_ptr<Staging>> Staging::Create(size_t bytes) {
  void* data = nullptr;
  PEREGRINE_RETURN_IF_ERROR(
      ToStatus(cudaHostAlloc(&data, bytes, cudaHostAllocPortable),
               absl::StrCat(bytes, " bytes of pinned host memory")));
  return absl::WrapUnique(new Staging(data, bytes));
}

void* Staging::Take(size_t bytes) {
  const uint64_t rounded = (bytes + 15) / 16 * 16;
  const uint64_t left = bytes_ - taken_ % bytes_;
  const uint64_t begin = rounded <= left ? taken_ : taken_ + left;
  if (begin + rounded > freed_ + bytes_) return nullptr;
  taken_ = begin + rounded;
  return static_cast<char*>(data_) + begin % bytes_;
}

void Staging::Reset() {
  taken_ = (taken_ + bytes_ - 1) / bytes_ * bytes_;
  freed_ = taken_;
}

void Staging::Free(uint64_t position) { freed_ = std::max(freed_, position); }

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
