#include "engine/document/xml_source.h"

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

size_t XmlSource::ReferenceSize() const {
  if (at_ >= source_.size() || source_[at_] != '&') return 0;
  const size_t end = source_.find(';', at_);
  return end == absl::string_view::npos ? 0 : end + 1 - at_;
}

absl::string_view XmlSource::PassMarkup() {
  const size_t begin = at_;
  if (const size_t size = ReferenceSize(); size > 0) {
    at_ += size;
    return Since(begin);
  }
  while (at_ < source_.size() && source_[at_] != '<') ++at_;
  if (at_ < source_.size()) at_ += MarkupSize(source_.substr(at_));
  return Since(begin);
}

void XmlSource::PassText(absl::string_view content, std::string* text,
                         std::vector<Block::Anchor>* anchors) {
  const auto add = [&](absl::string_view bytes) {
    if (text != nullptr) text->append(bytes.data(), bytes.size());
  };
  const auto anchor = [&](bool ends_entity) {
    if (anchors != nullptr)
      anchors->push_back({text->size(), at_, ends_entity});
  };
  anchor(false);
  for (size_t i = 0; i < content.size() && at_ < source_.size();) {
    if (const size_t reference = ReferenceSize(); reference > 0) {
      const size_t size = text::FirstCharacter(content.substr(i)).size;
      add(content.substr(i, size));
      i += size;
      at_ += reference;
      anchor(true);
      continue;
    }
    // The parser makes one line feed of the two.
    if (absl::StartsWith(source_.substr(at_), "\r\n")) {
      add("\r");
      ++at_;
    }
    add(content.substr(i, 1));
    ++i;
    ++at_;
  }
}

}  // namespace peregrine::document
