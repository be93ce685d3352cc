#include "engine/document/xml_source.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

// Behind the first `end` from `from` on; the end of `text` where there is none.
size_t Behind(absl::string_view text, absl::string_view end, size_t from) {
  const size_t found = text.find(end, from);
  return found == absl::string_view::npos ? text.size() : found + end.size();
}

// Behind the tag at the start of `rest`: a ">" in a value ends none.
size_t TagSize(absl::string_view rest) {
  char quote = 0;
  for (size_t i = 0; i < rest.size(); ++i) {
    const char c = rest[i];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return i + 1;
    }
  }
  return rest.size();
}

size_t MarkupSize(absl::string_view rest) {
  if (absl::StartsWith(rest, "<!--")) return Behind(rest, "-->", 4);
  if (absl::StartsWith(rest, "<![CDATA[")) return Behind(rest, "]]>", 9);
  if (absl::StartsWith(rest, "<?")) return Behind(rest, "?>", 2);
  return TagSize(rest);
}

}  // namespace

void XmlSource::PassMarkup() {
  while (at_ < source_.size() && source_[at_] == '<') {
    at_ += MarkupSize(source_.substr(at_));
  }
}

bool XmlSource::IsReference(absl::string_view rest, size_t* size,
                            bool* expanded) {
  const size_t end = rest.find(';');
  if (rest[0] != '&' || end == absl::string_view::npos) return false;
  const absl::string_view name = rest.substr(1, end - 1);
  *size = end + 1;
  *expanded = absl::StartsWith(name, "#") || name == "amp" || name == "lt" ||
              name == "gt" || name == "quot" || name == "apos";
  return true;
}

void XmlSource::Pass(absl::string_view content, size_t block_size,
                     std::vector<Block::Anchor>* anchors) {
  size_t expected = static_cast<size_t>(-1);  // if nothing stands between
  for (size_t i = 0; i < content.size();) {
    PassMarkup();
    if (at_ >= source_.size()) return;
    size_t size = 1;
    bool expanded = true;
    const bool is_reference =
        IsReference(source_.substr(at_), &size, &expanded);
    if (is_reference && !expanded) {
      at_ += size;
      continue;
    }
    if (at_ != expected && anchors != nullptr) {
      anchors->push_back({block_size + i, at_});
    }
    if (is_reference) {
      i += std::max<size_t>(1, text::FirstCharacter(content.substr(i)).size);
    } else {
      ++i;
      // The parser makes one line feed of the two.
      if (absl::StartsWith(source_.substr(at_), "\r\n")) size = 2;
    }
    at_ += size;
    expected = size == 1 ? at_ : static_cast<size_t>(-1);
    if (is_reference && anchors != nullptr) {
      anchors->push_back({block_size + i, at_, /*ends_entity=*/true});
      expected = at_;
    }
  }
}

}  // namespace peregrine::document
