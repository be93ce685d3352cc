// Any bytes are a safetensors file or an error; every tensor that it lists can
// be asked for.

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/model/safetensors.h"

namespace {

// A file that is in no folder; the reader maps files.
class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size)
      : descriptor_(memfd_create("fuzz.safetensors", 0)) {
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const MemoryFile file(data, size);
  auto tensors = peregrine::model::SafetensorsFile::Open(file.path());
  if (!tensors.ok()) {
    PEREGRINE_CHECK(!tensors.status().message().empty());
    return 0;
  }
  for (const std::string& name : (*tensors)->Unread()) {
    PEREGRINE_CHECK((*tensors)->Has(name));
    // Most are of other shapes, which is an error.
    (void)(*tensors)->Read(name, {2, 2});
    (void)(*tensors)->Read(name, {4});
  }
  return 0;
}
