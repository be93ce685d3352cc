#include "engine/kernels/host_arena.h"

#include <algorithm>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/kernels/host_buffer.h"

namespace peregrine::kernels {
namespace {

constexpr size_t kPageBytes = 4096;
// Each block is twice the one before, so that a small model reserves little.
constexpr size_t kFirstBlockBytes = kHugePageBytes;
constexpr size_t kMaxBlockBytes = size_t{32} << 20;

#ifdef PEREGRINE_GUARD_PAGES
constexpr bool kGuardPages = true;
#else
constexpr bool kGuardPages = false;
#endif

class PartOfBlock final : public Buffer {
 public:
  PartOfBlock(std::shared_ptr<Buffer> block, size_t begin, size_t bytes)
      : block_(std::move(block)),
        data_(static_cast<char*>(block_->data()) + begin),
        bytes_(bytes) {}

  void* data() const override { return data_; }
  size_t bytes() const override { return bytes_; }

 private:
  const std::shared_ptr<Buffer> block_;
  void* const data_;
  const size_t bytes_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Buffer>> HostArena::Allocate(size_t bytes) {
  if (kGuardPages || bytes >= kHugePageBytes) return AllocateHostBuffer(bytes);
  const size_t padded = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  if (block_ == nullptr || block_->bytes() - used_ < padded) {
    const size_t size = block_ == nullptr
                            ? kFirstBlockBytes
                            : std::min(2 * block_->bytes(), kMaxBlockBytes);
    PEREGRINE_ASSIGN_OR_RETURN(block_, AllocateHostBuffer(size));
    used_ = 0;
  }
  const size_t begin = std::exchange(used_, used_ + padded);
  return std::make_unique<PartOfBlock>(block_, begin, bytes);
}

}  // namespace peregrine::kernels
