#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_SHARED_MEMORY_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_SHARED_MEMORY_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/kernels/kernels.h"

namespace cuda_emulation {

// The shared memory of one block: the part whose size the launch decides, then
// the kernel's variables, each from its first use on. All of it starts as NaN
// in every type. Writing past the end of a part, and more than a block may
// have, are fatal errors.
class SharedMemory {
 public:
  static constexpr size_t kMaxBytes = size_t{48} << 10;  // without opting in

  SharedMemory();

  // For the next block.
  void Reset(size_t dynamic_bytes);
  // Aligned to 16 bytes and no more.
  unsigned char* dynamic() { return At(parts_[0]); }
  // The variable of this name in the code, aligned to 32 bytes and no more.
  void* Variable(int line, size_t bytes);
  // When the block has ended: nothing was written past the end of a part.
  void Check() const;

 private:
  struct Part {
    int line = 0;  // 0: the dynamic one
    size_t begin = 0;
    size_t bytes = 0;
  };

  unsigned char* At(const Part& part) const;
  void* Add(int line, size_t bytes, size_t misalignment);

  const std::unique_ptr<peregrine::kernels::Buffer> memory_;
  std::vector<Part> parts_;
  size_t used_ = 0;  // of memory_, with what lies between the parts
  size_t bytes_ = 0;
};

}  // namespace cuda_emulation

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_EMULATION_SHARED_MEMORY_H_
