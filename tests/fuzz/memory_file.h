#ifndef PEREGRINE_TESTS_FUZZ_MEMORY_FILE_H_
#define PEREGRINE_TESTS_FUZZ_MEMORY_FILE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace peregrine {

// A file that is in no folder; the readers map files.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size)
      : descriptor_(memfd_create("fuzz", 0)) {
    PEREGRINE_CHECK(descriptor_ >= 0);
    PEREGRINE_CHECK(write(descriptor_, data, size) ==
                    static_cast<ssize_t>(size));
  }
  ~MemoryFile() { close(descriptor_); }
  std::string path() const {
    return absl::StrCat("/proc/self/fd/", descriptor_);
  }

 private:
  int descriptor_;
};

}  // namespace peregrine

#endif  // PEREGRINE_TESTS_FUZZ_MEMORY_FILE_H_
