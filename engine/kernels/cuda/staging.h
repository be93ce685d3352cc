#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_STAGING_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_STAGING_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/kernels/cuda/runtime.h"

namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE {

// Host memory that the device reads and writes while the host goes on. Pieces
// follow each other, and are free again once what the stream was given before a
// moment is done: Position() then, Free() of it later. Not thread-safe.
class Staging {
 public:
  static absl::StatusOr<std::unique_ptr<Staging>> Create(size_t bytes);
  ~Staging() { cudaFreeHost(data_); }
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  size_t bytes() const { return bytes_; }

  // A piece of `bytes`, aligned to 16; null: none is left. Up to bytes() can be
  // taken after Reset.
  void* Take(size_t bytes);
  // After the stream has been waited for: frees all.
  void Reset();

  // Of the pieces taken so far.
  uint64_t Position() const { return taken_; }
  // Frees those taken before `position`.
  void Free(uint64_t position);

 private:
  Staging(void* data, size_t bytes) : data_(data), bytes_(bytes) {}

  void* const data_;
  const size_t bytes_;  // a multiple of the alignment
  // Bytes from the beginning, with what was skipped where a piece would not
  // have fit before the end; modulo bytes_ they are offsets.
  uint64_t taken_ = 0;
  uint64_t freed_ = 0;
};

}  // namespace peregrine::kernels::PEREGRINE_CUDA_NAMESPACE

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_STAGING_H_
