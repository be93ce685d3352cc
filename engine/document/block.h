#ifndef PEREGRINE_ENGINE_DOCUMENT_BLOCK_H_
#define PEREGRINE_ENGINE_DOCUMENT_BLOCK_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/document.h"
#include "engine/document/segment.h"

namespace peregrine::document {

// A stretch of text in which sentences are looked for, with the tags in it.
struct Block {
  std::string text;  // entities decoded
  std::vector<Mark> marks;
  std::vector<ByteRange> ranges;  // of `text`, not to be translated
  // Where its bytes are in the document: from byte `at` on at `source`, up to
  // the next anchor. The first has at = 0.
  struct Anchor {
    size_t at;
    size_t source;
    bool ends_entity = false;  // what is in front of `at` ends at `source`
  };
  std::vector<Anchor> anchors;
  bool in_attribute = false;
};

// Cuts blocks into sentences and what stands between them.
class DocumentBuilder {
 public:
  DocumentBuilder(const DocumentOptions& options,
                  const text::SentenceSplitter& splitter,
                  const VocabularyView& vocabulary, Document* document);

  void AddLiteral(absl::string_view literal, std::vector<Part>* parts);
  // Appends what `block` becomes to `parts`.
  void AddBlock(const Block& block, std::vector<Part>* parts);
  std::vector<Part>* parts() { return &document_.parts_; }
  // From now on no text is escaped.
  void BecomePlain();

 private:
  class BlockCutter;

  DocumentOptions options_;
  const text::SentenceSplitter& splitter_;
  const VocabularyView& vocabulary_;
  Document& document_;
};

// `&`, `<` and `>` as entities, and `"` where it is the value of an attribute.
std::string EscapeMarkup(absl::string_view text, bool in_attribute);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_BLOCK_H_
