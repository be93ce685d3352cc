// Any bytes are a binary model of Marian or an error; every tensor that it
// lists can be asked for.

#include <string>

#include "engine/base/check.h"
#include "engine/formats/files/marian_binary_file.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const peregrine::MemoryFile file(data, size);
  auto tensors = peregrine::formats::MarianBinaryFile::Open(file.path());
  if (!tensors.ok()) {
    PEREGRINE_CHECK(!tensors.status().message().empty());
    return 0;
  }
  for (const std::string& name : (*tensors)->Unread()) {
    PEREGRINE_CHECK((*tensors)->Has(name));
    (void)(*tensors)->Text(name);
    (void)(*tensors)->Read(name, *(*tensors)->Shape(name));
  }
  return 0;
}
