#ifndef PEREGRINE_ENGINE_DOCUMENT_HARD_WRAP_H_
#define PEREGRINE_ENGINE_DOCUMENT_HARD_WRAP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace peregrine::document {

// How a paragraph of hard-wrapped text was broken into lines.
struct LineWidths {
  size_t width = 0;          // characters of its longest line; 0: one line
  std::string first_prefix;  // of the first line, not to be translated: "> "
  std::string next_prefix;   // of the others
  std::string line_break;    // "\n" or "\r\n"
};

// A paragraph: its text with a space instead of each line break, and what
// stands behind it up to the next one.
struct WrappedParagraph {
  std::string text;
  struct Place {
    size_t at;      // in `text`
    size_t source;  // in the whole text
  };
  std::vector<Place> line_places;  // where the content of each line begins
  size_t begin = 0;                // in the whole text, with its prefix
  size_t end = 0;
  LineWidths lines;
  std::string behind;
};

// Cuts `text` into paragraphs: they end at blank lines, and where a line begins
// with a list mark or another prefix ("> ", white space).
std::vector<WrappedParagraph> FindParagraphs(absl::string_view text);

// `text` broken at spaces into lines as `lines` says; and where each byte of it
// and its end went, if `places` is not null.
std::string Wrap(absl::string_view text, const LineWidths& lines,
                 std::vector<size_t>* places);

// A paragraph among the parts of a document.
struct Paragraph {
  size_t first_part = 0;
  size_t end_part = 0;
  LineWidths lines;
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_HARD_WRAP_H_
