// Any text is BPE codes or an error; the pieces that they make of a word join
// to it again.

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/text/subword_nmt.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace peregrine::text;
  // The codes, then a NUL and a text.
  const absl::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(all.find('\0'), size);
  auto parsed = SubwordNmtCodes::Parse(all.substr(0, end), "fuzz");
  if (!parsed.ok()) {
    PEREGRINE_CHECK(!parsed.status().message().empty());
    return 0;
  }
  const std::shared_ptr<const SubwordNmtCodes> codes = *std::move(parsed);
  const absl::string_view text = all.substr(end);
  const SubwordNmtTokenizer tokenizer(
      std::make_shared<const Vocabulary>(
          std::vector<std::string>{"<unk>", "a", "b@@"}, 0,
          absl::flat_hash_set<int32_t>{}),
      codes);
  for (int32_t id : tokenizer.Encode(text)) {
    PEREGRINE_CHECK(id >= 0 && id < tokenizer.vocab_size());
  }
  std::string word;
  std::copy_if(text.begin(), text.end(), std::back_inserter(word),
               [](char c) { return c > ' ' && c < '\x7f'; });
  std::string joined;
  const std::vector<std::string> pieces = codes->Split(word);
  for (size_t i = 0; i < pieces.size(); ++i) {
    absl::string_view piece = pieces[i];
    const bool is_last = i + 1 == pieces.size();
    PEREGRINE_CHECK(is_last || absl::ConsumeSuffix(&piece, "@@"));
    joined.append(piece.data(), piece.size());
  }
  PEREGRINE_CHECK(joined == word);
  return 0;
}
