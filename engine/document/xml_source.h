#ifndef PEREGRINE_ENGINE_DOCUMENT_XML_SOURCE_H_
#define PEREGRINE_ENGINE_DOCUMENT_XML_SOURCE_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/block.h"

namespace peregrine::document {

// Where the character data of well-formed XML stands in its source, which the
// parser does not tell. The text nodes must be passed in their order, each of
// them. Total: of anything else the places are wrong.
class XmlSource {
 public:
  // `begin`: where the content begins, behind a prolog.
  XmlSource(absl::string_view source, size_t begin)
      : source_(source), at_(begin) {}

  // Goes past the text node `content`. Appends its places, as those of a block
  // whose text has `block_size` bytes so far, to `anchors` if that is not null.
  void Pass(absl::string_view content, size_t block_size,
            std::vector<Block::Anchor>* anchors);

 private:
  void PassMarkup();
  // Whether `rest` begins with a reference; `size` is that of it in bytes, and
  // it stands for a character of the text node if it is `expanded`.
  static bool IsReference(absl::string_view rest, size_t* size, bool* expanded);

  absl::string_view source_;
  size_t at_;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_XML_SOURCE_H_
