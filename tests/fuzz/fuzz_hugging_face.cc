// Any text is a tokenizer.json, an index of shards or a vocab.json, or an
// error; a tokenizer that loads encodes any text.

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/base/json_object.h"
#include "engine/formats/hugging_face/tokenizer_json.h"
#include "engine/formats/hugging_face/weight_files.h"
#include "engine/formats/vocabulary_files.h"

namespace {

constexpr int kVocabSize = 200;

template <typename Result>
bool Check(const Result& result) {
  PEREGRINE_CHECK(result.ok() || !result.status().message().empty());
  return result.ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto map = formats::ParseWeightMap(text, "index.json");
  if (Check(map)) {
    for (const auto& [tensor, file] : *map) {
      PEREGRINE_CHECK(file.find('/') == std::string::npos);
    }
  }
  const auto json = ParseJson(text, "fuzz.json");
  if (!Check(json)) return 0;
  const auto pieces =
      formats::ParseVocabularyMap(*json, "vocab.json", kVocabSize);
  if (Check(pieces)) PEREGRINE_CHECK(pieces->size() == kVocabSize);
  const auto tokenizer =
      formats::ParseTokenizerJson(*json, "tokenizer.json", kVocabSize);
  if (!Check(tokenizer)) return 0;
  for (absl::string_view sample :
       {absl::string_view("two  words \xff"), text.substr(0, 512)}) {
    for (const std::string& piece : tokenizer->splitter->EncodeAsPieces(sample))
      PEREGRINE_CHECK(!piece.empty());
  }
  return 0;
}
