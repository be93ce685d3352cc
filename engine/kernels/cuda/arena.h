#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_ARENA_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_ARENA_H_

#include <cstddef>
#include <map>
#include <optional>

namespace peregrine::kernels {

// Who owns which bytes of one large piece of memory, by offset; never touches
// the memory itself. What models and sessions take when they are made and give
// back when they go: rarely, in any order. Best fit, neighbours merge. Not
// thread-safe.
class Arena {
 public:
  // Every allocation is a multiple of this and begins at one: what tensor cores
  // and vector loads want, and cudaMalloc gives.
  static constexpr size_t kAlignment = 256;

  explicit Arena(size_t bytes);

  // The offset, or none where no gap is large enough.
  std::optional<size_t> Take(size_t bytes);
  // What Take returned.
  void Give(size_t offset);

  size_t bytes() const { return bytes_; }
  size_t bytes_in_use() const { return bytes_in_use_; }
  size_t largest_gap() const;

 private:
  const size_t bytes_;
  size_t bytes_in_use_ = 0;
  std::map<size_t, size_t> gaps_;   // offset to size
  std::map<size_t, size_t> taken_;  // likewise
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_ARENA_H_
