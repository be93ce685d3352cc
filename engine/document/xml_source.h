#ifndef PEREGRINE_ENGINE_DOCUMENT_XML_SOURCE_H_
#define PEREGRINE_ENGINE_DOCUMENT_XML_SOURCE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/block.h"

namespace peregrine::document {

// The source of well-formed XML beside its tree: what bytes each node is, which
// the parser does not tell. Nodes must be passed in their order, each of them.
// Total: of anything else the places are wrong.
class XmlSource {
 public:
  // `begin`: where the content begins, behind a prolog.
  XmlSource(absl::string_view source, size_t begin)
      : source_(source), at_(begin) {}

  size_t at() const { return at_; }
  // What was passed since `begin`.
  absl::string_view Since(size_t begin) const {
    return source_.substr(begin, at_ - begin);
  }

  // Goes past a text node. Appends its characters, with the line ends of the
  // source, to `text`, and their places to `anchors`; both may be null.
  void PassText(absl::string_view content, std::string* text,
                std::vector<Block::Anchor>* anchors);
  // Goes past one tag, comment, instruction, CDATA section or reference, and
  // what is in front of it, and returns that.
  absl::string_view PassMarkup();

 private:
  // Of the reference at `at_`, or 0.
  size_t ReferenceSize() const;

  absl::string_view source_;
  size_t at_;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_XML_SOURCE_H_
