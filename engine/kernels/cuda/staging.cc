#include "engine/kernels/cuda/staging.h"

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
  const size_t rounded = (bytes + 15) / 16 * 16;
  if (rounded > bytes_ - used_) return nullptr;
  void* const piece = static_cast<char*>(data_) + used_;
  used_ += rounded;
  return piece;
}

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE
