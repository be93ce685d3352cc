#include "engine/kernels/host_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace peregrine::kernels {
namespace {

// Far beyond any machine, and far from the overflow of the sums below.
constexpr size_t kMaxBytes = SIZE_MAX / 4;

class HostBuffer final : public Buffer {
 public:
  HostBuffer(void* mapping, size_t mapped_bytes, void* data, size_t bytes)
      : mapping_(mapping),
        mapped_bytes_(mapped_bytes),
        data_(data),
        bytes_(bytes) {}
  ~HostBuffer() override { munmap(mapping_, mapped_bytes_); }
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;

  void* data() const override { return data_; }
  size_t bytes() const override { return bytes_; }

 private:
  void* const mapping_;
  const size_t mapped_bytes_;
  void* const data_;
  const size_t bytes_;
};

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Buffer>> AllocateHostBuffer(size_t bytes) {
  const size_t page_bytes = sysconf(_SC_PAGESIZE);
  const bool huge = bytes >= kHugePageBytes;
  const size_t alignment = huge ? kHugePageBytes : page_bytes;

  void* mapping = MAP_FAILED;
  size_t mapped_bytes = 0;
  if (bytes <= kMaxBytes) {
    mapped_bytes = RoundUp(bytes, page_bytes) + page_bytes;
    if (huge) mapped_bytes += kHugePageBytes;
    mapping = mmap(nullptr, mapped_bytes, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  } else {
    errno = ENOMEM;
  }
  if (mapping == MAP_FAILED) {
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot allocate ", bytes,
                     " bytes of host memory: ", std::strerror(errno)));
  }

  const auto address = reinterpret_cast<uintptr_t>(mapping);
  char* data =
      static_cast<char*>(mapping) + (RoundUp(address, alignment) - address);
  // Only now may it be touched; the page after it never.
  if (bytes > 0 && mprotect(data, bytes, PROT_READ | PROT_WRITE) != 0) {
    const int error = errno;
    munmap(mapping, mapped_bytes);
    return absl::ResourceExhaustedError(
        absl::StrCat("cannot allocate ", bytes,
                     " bytes of host memory: ", std::strerror(error)));
  }
  if (huge) madvise(data, bytes, MADV_HUGEPAGE);  // failure costs only speed
  return std::unique_ptr<Buffer>(
      new HostBuffer(mapping, mapped_bytes, data, bytes));
}

}  // namespace peregrine::kernels
