// Any bytes are a shortlist of Peregrine's own or an error; every list of it
// holds tokens of the vocabulary.

#include <vector>

#include "engine/base/check.h"
#include "engine/formats/peregrine/shortlist_file.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kSourceVocabSize = 3;
  constexpr int kTargetVocabSize = 5;
  const peregrine::MemoryFile file(data, size);
  const auto shortlist = peregrine::formats::ReadShortlist(
      file.path(), kSourceVocabSize, kTargetVocabSize);
  if (!shortlist.ok()) {
    PEREGRINE_CHECK(!shortlist.status().message().empty());
    return 0;
  }
  std::vector<int32_t> targets;
  (*shortlist)->TargetsOf({0, 1, 2}, {4}, targets);
  for (int32_t target : targets) {
    PEREGRINE_CHECK(target >= 0 && target < kTargetVocabSize);
  }
  return 0;
}
