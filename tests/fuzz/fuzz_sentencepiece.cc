// Any bytes are a SentencePiece model or an error; one that loads encodes any
// text into ids of its vocabulary, and decodes any ids.

#include <algorithm>
#include <numeric>

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/text/sentencepiece.h"

namespace {

constexpr int kMaxDecodedIds = 256;

void Use(const peregrine::text::SentencePieceModel& model,
         absl::string_view text) {
  for (int32_t id : model.Encode(text)) {
    PEREGRINE_CHECK(id >= 0 && id < model.vocab_size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto model =
      peregrine::text::SentencePieceModel::Parse(bytes, "fuzz.model");
  if (!model.ok()) {
    PEREGRINE_CHECK(!model.status().message().empty());
    return 0;
  }
  Use(**model, "");
  Use(**model, "The house is small.  \xe2\x80\xa6 \xff\xc3");
  Use(**model, bytes.substr(0, 512));
  std::vector<int32_t> ids(std::min((*model)->vocab_size(), kMaxDecodedIds) +
                           2);
  std::iota(ids.begin(), ids.end(), -1);  // one before and one after all
  (*model)->Decode(ids);
  return 0;
}
