#ifndef PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_FIXTURE_H_
#define PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_FIXTURE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "engine/document/document.h"
#include "engine/document/units.h"
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

// Says `text`, whatever it is shown.
inline Translate Says(const std::string& text) {
  return [text](const Segment&) { return SegmentTranslation{text, {}}; };
}

// Words in the opposite order, each aligned to its own.
inline SegmentTranslation Reverse(const Segment& segment) {
  SegmentTranslation translation;
  const std::vector<ByteRange> units = Units(segment.shown);
  for (size_t i = units.size(); i-- > 0;) {
    if (!translation.text.empty()) translation.text += ' ';
    const size_t begin = translation.text.size();
    translation.text += segment.shown.substr(units[i].begin, units[i].size());
    translation.alignment.source.push_back(units[units.size() - 1 - i]);
    translation.alignment.target.push_back({begin, translation.text.size()});
  }
  translation.alignment.weights.assign(units.size() * units.size(), 0.0f);
  for (size_t t = 0; t < units.size(); ++t) {
    translation.alignment.weights[t * units.size() + (units.size() - 1 - t)] =
        1.0f;
  }
  return translation;
}

inline SegmentTranslation Nonsense(const Segment& segment,
                                   std::mt19937* random) {
  SegmentTranslation translation;
  const size_t words = (*random)() % 7;
  for (size_t i = 0; i < words; ++i) {
    translation.text += (*random)() % 4 == 0 ? "," : " w";
    translation.text += std::string((*random)() % 5, 'o');
  }
  const std::vector<ByteRange> target = Units(translation.text);
  const std::vector<ByteRange> source = Units(segment.shown);
  if ((*random)() % 4 != 0) {
    translation.alignment.source = source;
    translation.alignment.target = target;
    for (size_t i = 0; i < source.size() * target.size(); ++i) {
      translation.alignment.weights.push_back(
          static_cast<float>((*random)() % 100) / 100.0f);
    }
  }
  return translation;
}

inline int CountOf(absl::string_view text, absl::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
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

inline std::vector<std::string> Shown(absl::string_view text,
                                      const DocumentOptions& options = {}) {
  std::vector<std::string> shown;
  const Document document = ParseDocument(text, options);
  for (const Segment& segment : document.segments()) {
    shown.push_back(segment.shown);
  }
  return shown;
}

inline const char* const kTexts[] = {
    "",
    " ",
    "One sentence.",
    "  Two sentences. In one line.  \r\n",
    "A line.\n\n\n Another\tone.\u2028A third?\u00a0",
    "Double  spaces   inside\u00a0and\u3000others here.",
    "See https://a.org/b?c=d, write to jo@a.org. Hi {name}!",
    "- item one\n* item two\n1. item three\n> quoted",
    "%s of %d files in /etc/hosts were read by @jo 😀 today.",
    "12:30\n--> \n€ 5,00\n10.0.0.1\n😀😀\n***",
    "Use `a. B` here. 日本 is unknown. So is x日y!",
    "{a} {b}, {c}.",
    "Say \"{x}\" (see {y}). {z}",
    "NOTHING IS LOST IN CAPITALS, {x}. Not 42 either.",
    "It costs 3 €-5 €, or 3.50$-4$-5$.",
    "Take an RX-12</b>-RX-14 or the house😀-12.",
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_DOCUMENT_FIXTURE_H_
