#include "engine/kernels/cuda/emulation/shared_memory.h"

#include <cstring>

#include "engine/base/check.h"
#include "engine/kernels/host_buffer.h"

namespace cuda_emulation {
namespace {

constexpr size_t kMaxParts = 16;
constexpr size_t kAlignment = 64;
constexpr size_t kGap = 64;  // after each part, never to be written
constexpr unsigned char kGapByte = 0xa5;
// Not a number in every type: what is read was written before.
constexpr unsigned char kFreshByte = 0xff;

}  // namespace

SharedMemory::SharedMemory()
    : memory_(peregrine::kernels::AllocateHostBuffer(
                  kMaxBytes + kMaxParts * (kAlignment + kGap))
                  .value()) {}

unsigned char* SharedMemory::At(const Part& part) const {
  return static_cast<unsigned char*>(memory_->data()) + part.begin;
}

void SharedMemory::Reset(size_t dynamic_bytes) {
  parts_.clear();
  used_ = 0;
  bytes_ = 0;
  Add(/*line=*/0, dynamic_bytes, /*misalignment=*/16);
}

void* SharedMemory::Variable(int line, size_t bytes) {
  for (const Part& part : parts_) {
    if (part.line == line) return At(part);
  }
  return Add(line, bytes, /*misalignment=*/32);
}

void* SharedMemory::Add(int line, size_t bytes, size_t misalignment) {
  bytes_ += bytes;
  PEREGRINE_CHECK(bytes_ <= kMaxBytes)
      << bytes_ << " bytes of shared memory in a block, at most " << kMaxBytes;
  PEREGRINE_CHECK(parts_.size() < kMaxParts) << "too many shared variables";
  used_ = (used_ + kAlignment - 1) / kAlignment * kAlignment + misalignment;
  parts_.push_back({line, used_, bytes});
  unsigned char* const data = At(parts_.back());
  std::memset(data, kFreshByte, bytes);
  std::memset(data + bytes, kGapByte, kGap);
  used_ += bytes + kGap;
  return data;
}

void SharedMemory::Check() const {
  for (const Part& part : parts_) {
    const unsigned char* const gap = At(part) + part.bytes;
    for (size_t i = 0; i < kGap; ++i) {
      PEREGRINE_CHECK(gap[i] == kGapByte)
          << "written " << i << " bytes past the end of shared memory of "
          << part.bytes << " bytes, line " << part.line;
    }
  }
}

}  // namespace cuda_emulation
