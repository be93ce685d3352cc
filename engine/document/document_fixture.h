#ifndef PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_FIXTURE_H_
#define PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_FIXTURE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "engine/document/document.h"
#include "engine/text/characters.h"
#include "engine/text/sentence_splitter.h"

namespace peregrine::document {

// A vocabulary that knows the characters below U+0250, and reads sentences of
// 200 bytes.
class SmallVocabulary : public VocabularyView {
 public:
  explicit SmallVocabulary(size_t max_bytes = 200) : max_bytes_(max_bytes) {}
  bool Fits(absl::string_view sentence) const override {
    return sentence.size() <= max_bytes_;
  }
  std::vector<ByteRange> Unknown(absl::string_view text) const override {
    std::vector<ByteRange> unknown;
    for (size_t at = 0; at < text.size();) {
      const text::Character c = text::FirstCharacter(text.substr(at));
      if (c.code_point >= 0x250 && !text::IsSpace(c.code_point) &&
          (c.code_point < 0x2000 || c.code_point > 0x206F)) {
        unknown.push_back({at, at + c.size});
      }
      at += c.size;
    }
    return unknown;
  }

 private:
  const size_t max_bytes_;
};

// A model for tests: from what it is shown to what it says.
using Translate = std::function<SegmentTranslation(const Segment&)>;

// Says the same again.
inline SegmentTranslation Echo(const Segment& segment) {
  return {segment.shown, {}};
}

inline Document ParseDocument(absl::string_view text,
                              const DocumentOptions& options,
                              size_t max_bytes = 200) {
  const auto splitter = text::SentenceSplitter::Create(
      options.source_language.empty() ? "en" : options.source_language);
  return Document::Parse(text, options, **splitter, SmallVocabulary(max_bytes));
}

inline AssembledDocument TranslateDocument(absl::string_view text,
                                           const DocumentOptions& options,
                                           const Translate& translate = Echo) {
  const Document document = ParseDocument(text, options);
  std::vector<SegmentTranslation> translations;
  for (const Segment& segment : document.segments()) {
    translations.push_back(translate(segment));
  }
  return document.Assemble(translations);
}

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_FIXTURE_H_
