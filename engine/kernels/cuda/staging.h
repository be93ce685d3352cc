#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_STAGING_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_STAGING_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/kernels/cuda/runtime.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// Host memory that the device reads and writes while the host goes on. Pieces
// follow each other until the stream has been waited for; then all are free
// again. Not thread-safe.
class Staging {
 public:
  static absl::StatusOr<std::unique_ptr<Staging>> Create(size_t bytes);
  ~Staging() { cudaFreeHost(data_); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  size_t bytes() const { return bytes_; }

  // A piece of `bytes`, aligned to 16; null: none is left before Reset.
  void* Take(size_t bytes);
  // After the stream has been waited for.
  void Reset() { used_ = 0; }

 private:
  Staging(void* data, size_t bytes) : data_(data), bytes_(bytes) {}

  void* const data_;
  const size_t bytes_;
  size_t used_ = 0;
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_STAGING_H_
