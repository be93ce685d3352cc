// Any bytes are a file of torch.save or an error; every tensor that it lists
// can be read or is an error.

#include <string>

#include "engine/base/check.h"
#include "engine/formats/files/torch_file.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const peregrine::MemoryFile file(data, size);
  auto tensors = peregrine::formats::TorchFile::Open(file.path());
  if (!tensors.ok()) {
    PEREGRINE_CHECK(!tensors.status().message().empty());
    return 0;
  }
  for (const std::string& name : (*tensors)->Unread()) {
    const auto shape = (*tensors)->Shape(name);
    PEREGRINE_CHECK(shape.has_value());
    (void)(*tensors)->Read(name, *shape);
  }
  return 0;
}
