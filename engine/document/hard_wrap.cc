#include "engine/document/hard_wrap.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/text/characters.h"
#include "engine/text/utf8.h"

namespace peregrine::document {
namespace {

using text::FirstCharacter;

struct Line {
  size_t begin = 0;
  absl::string_view prefix;      // white space and marks of quoted mail
  absl::string_view content;     // without white space behind it
  absl::string_view line_break;  // with the white space in front of it
};

Line FirstLine(absl::string_view text, size_t begin) {
  Line line;
  line.begin = begin;
  size_t end = text.find('\n', begin);
  const size_t next = end == absl::string_view::npos ? text.size() : end + 1;
  if (end == absl::string_view::npos) end = text.size();
  const absl::string_view all = text.substr(begin, end - begin);
  size_t prefix = all.find_first_not_of(" \t>|");
  if (prefix == absl::string_view::npos) prefix = all.size();
  line.prefix = all.substr(0, prefix);
  line.content = text::TrimRight(all.substr(prefix));
  const size_t content_end = begin + prefix + line.content.size();
  line.line_break = text.substr(content_end, next - content_end);
  return line;
}

bool StartsItem(absl::string_view content) {
  if (content.size() < 2) return false;
  if (absl::StrContains("-*+", content[0]) && content[1] == ' ') return true;
  size_t digits = 0;
  while (digits < content.size() && absl::ascii_isdigit(content[digits])) {
    ++digits;
  }
  return digits > 0 && digits < 4 && digits + 1 < content.size() &&
         absl::StrContains(".)", content[digits]) && content[digits + 1] == ' ';
}

bool Continues(const WrappedParagraph& paragraph, size_t lines,
               const Line& line) {
  if (line.content.empty() || StartsItem(line.content)) return false;
  // The second line says how the others begin.
  return lines == 1 || line.prefix == paragraph.lines.next_prefix;
}

}  // namespace

std::vector<WrappedParagraph> FindParagraphs(absl::string_view text) {
  std::vector<WrappedParagraph> paragraphs;
  size_t lines = 0;  // of the last paragraph
  for (size_t at = 0; at < text.size();) {
    const Line line = FirstLine(text, at);
    at = line.begin + line.prefix.size() + line.content.size() +
         line.line_break.size();
    if (line.content.empty()) {
      if (paragraphs.empty()) paragraphs.emplace_back();
      paragraphs.back().behind.append(line.prefix.data(), line.prefix.size());
      paragraphs.back().behind.append(line.line_break.data(),
                                      line.line_break.size());
      lines = 0;
      continue;
    }
    if (lines == 0 || !Continues(paragraphs.back(), lines, line)) {
      paragraphs.emplace_back();
      paragraphs.back().begin = line.begin;
      paragraphs.back().lines.first_prefix = std::string(line.prefix);
      lines = 0;
    }
    WrappedParagraph& paragraph = paragraphs.back();
    LineWidths& widths = paragraph.lines;
    if (lines > 0) {
      // What was behind the line is between two lines now.
      widths.line_break = paragraph.behind;
      widths.next_prefix = std::string(line.prefix);
      paragraph.text += ' ';
    }
    const size_t width = text::CountUtf8Characters(line.prefix) +
                         text::CountUtf8Characters(line.content);
    widths.width = std::max(widths.width, width);
    paragraph.line_places.push_back(
        {paragraph.text.size(), line.begin + line.prefix.size()});
    paragraph.text.append(line.content.data(), line.content.size());
    paragraph.behind = std::string(line.line_break);
    paragraph.end = line.begin + line.prefix.size() + line.content.size();
    ++lines;
  }
  for (WrappedParagraph& paragraph : paragraphs) {
    if (paragraph.lines.line_break.empty()) paragraph.lines.width = 0;
  }
  return paragraphs;
}

std::string Wrap(absl::string_view text, const LineWidths& lines,
                 std::vector<size_t>* places) {
  std::string wrapped = lines.first_prefix;
  size_t column = text::CountUtf8Characters(lines.first_prefix);
  size_t last_space = std::string::npos;  // in `wrapped`, of this line
  std::vector<size_t> of_bytes;
  for (size_t at = 0; at < text.size(); ++at) {
    of_bytes.push_back(wrapped.size());
    const bool is_space = text[at] == ' ';
    if (is_space) last_space = wrapped.size();
    wrapped.push_back(text[at]);
    column += !text::IsUtf8Continuation(text[at]);
    if (lines.width == 0 || column <= lines.width || is_space ||
        last_space == std::string::npos) {
      continue;
    }
    const std::string instead = lines.line_break + lines.next_prefix;
    for (size_t& place : of_bytes) {
      if (place > last_space) place += instead.size() - 1;
    }
    wrapped.replace(last_space, 1, instead);
    column = text::CountUtf8Characters(absl::string_view(wrapped).substr(
        last_space + lines.line_break.size()));
    last_space = std::string::npos;
  }
  of_bytes.push_back(wrapped.size());
  if (places != nullptr) *places = std::move(of_bytes);
  return wrapped;
}

}  // namespace peregrine::document
