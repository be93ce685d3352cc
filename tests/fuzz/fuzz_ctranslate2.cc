// Any bytes are a model.bin or an error; every variable that it lists can be
// asked for.

#include <string>

#include "engine/base/check.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const peregrine::MemoryFile file(data, size);
  auto variables = peregrine::formats::CTranslate2File::Open(file.path());
  if (!variables.ok()) {
    PEREGRINE_CHECK(!variables.status().message().empty());
    return 0;
  }
  for (const std::string& name : (*variables)->Unread()) {
    PEREGRINE_CHECK((*variables)->Has(name));
    PEREGRINE_CHECK((*variables)->Has((*variables)->Resolve(name)));
    (void)(*variables)->Scalar(name);
    (void)(*variables)->Text(name);
    (void)(*variables)->Read(name, *(*variables)->Shape(name));
  }
  return 0;
}
