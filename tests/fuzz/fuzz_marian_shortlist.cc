// Any bytes are a shortlist, binary or text, or an error; every list of it
// holds tokens of the vocabulary.

#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/formats/marian/shortlist.h"
#include "engine/text/vocabulary_tokenizer.h"
#include "tests/fuzz/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine;
  const text::VocabularyTokenizer vocabulary(
      std::make_shared<const text::Vocabulary>(
          std::vector<std::string>{"</s>", "<unk>", "a", "b"}, 1,
          absl::flat_hash_set<int32_t>{0}),
      nullptr);
  const MemoryFile file(data, size);
  const auto shortlist = formats::MarianShortlist::Open(
      file.path(), vocabulary, vocabulary, {2, 3, 0.1f});
  if (!shortlist.ok()) {
    PEREGRINE_CHECK(!shortlist.status().message().empty());
    return 0;
  }
  PEREGRINE_CHECK((*shortlist)->first_n() <= vocabulary.vocab_size());
  for (int32_t source = -1; source <= vocabulary.vocab_size(); ++source) {
    for (int32_t target : (*shortlist)->targets(source)) {
      PEREGRINE_CHECK(target >= 0 && target < vocabulary.vocab_size());
    }
  }
  return 0;
}
