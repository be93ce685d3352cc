#include "server/config_file.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace peregrine::server {
namespace {

absl::Status WrongLine(int number, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", what));
}

// A line without its comment, and how its brackets and quotes stand.
struct Line {
  std::string text;
  int open_brackets = 0;
  bool open_quote = false;
};

Line Read(absl::string_view raw) {
  Line line;
  char quote = '\0';
  for (size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (quote != '\0') {
      if (c == '\\' && quote == '"' && i + 1 < raw.size()) {
        line.text += c;
        line.text += raw[++i];
        continue;
      }
      if (c == quote) quote = '\0';
    } else if (c == '#') {
      break;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[') {
      ++line.open_brackets;
    } else if (c == ']') {
      --line.open_brackets;
    }
    line.text += c;
  }
  line.open_quote = quote != '\0';
  absl::StripAsciiWhitespace(&line.text);
  return line;
}

}  // namespace

absl::Status CheckConfigText(absl::string_view text) {
  int number = 0;
  int open_brackets = 0;
  int opened_at = 0;
  for (absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    const Line line = Read(raw);
    if (line.open_quote) return WrongLine(number, "found a quote left open");
    const bool is_more = open_brackets > 0;  // of a list
    if (!is_more) opened_at = number;
    open_brackets += line.open_brackets;
    if (open_brackets < 0) return WrongLine(number, "found ] without [");
    if (line.text.empty() || is_more) continue;
    const bool is_section = line.text.front() == '[';
    if (!is_section && !absl::StrContains(line.text, '=')) {
      return WrongLine(number, "found no `name = value`");
    }
  }
  return open_brackets > 0 ? WrongLine(opened_at, "found [ without ]")
                           : absl::OkStatus();
}

}  // namespace peregrine::server
