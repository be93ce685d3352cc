// Any text splits into sentences that, put together again, are the text.

#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/text/sentence_splitter.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* splitter =
      peregrine::text::SentenceSplitter::Create("de")->release();
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::string joined;
  for (const auto& segment : splitter->Split(text)) {
    joined.append(segment.sentence.data(), segment.sentence.size());
    joined.append(segment.separator.data(), segment.separator.size());
  }
  PEREGRINE_CHECK(joined == text);
  return 0;
}
