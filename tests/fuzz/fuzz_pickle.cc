// Any bytes are a pickle or an error, and every value refers to others that are
// there.

#include <string>

#include "engine/base/check.h"
#include "engine/formats/files/pickle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto pickle = peregrine::formats::TakePickle(bytes, "fuzz");
  if (!pickle.ok()) {
    PEREGRINE_CHECK(!pickle.status().message().empty());
    return 0;
  }
  const auto count = static_cast<int32_t>(pickle->values.size());
  PEREGRINE_CHECK(pickle->root >= 0 && pickle->root < count);
  PEREGRINE_CHECK(bytes.size() < size);
  for (int32_t i = 0; i < count; ++i) {
    PEREGRINE_CHECK(!pickle->Shown(i).empty());
    for (int32_t item : (*pickle)[i].items) {
      PEREGRINE_CHECK(item >= 0 && item < count);
    }
  }
  return 0;
}
