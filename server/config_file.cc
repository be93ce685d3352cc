#include "server/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {
namespace {

// Far more than all options take.
constexpr size_t kMaxBytes = 1 << 20;

absl::Status WrongLine(int number, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", what));
}

// Walks over the text; knows the line that it is in.
class Reader {
 public:
  explicit Reader(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<ConfigLine>> Read() {
    std::vector<ConfigLine> lines;
    std::map<std::string, int> seen;  // name to line
    for (SkipBlanks(); !text_.empty(); SkipBlanks()) {
      PEREGRINE_ASSIGN_OR_RETURN(ConfigLine line, ReadLine());
      const auto [first, is_new] = seen.emplace(line.name, line.number);
      if (!is_new) {
        return WrongLine(
            line.number,
            absl::StrCat("found ", line.name, " again, after line ",
                         first->second, "; several values are a [list]"));
      }
      lines.push_back(std::move(line));
    }
    return lines;
  }

 private:
  absl::StatusOr<ConfigLine> ReadLine() {
    ConfigLine line;
    line.number = number_;
    if (Peek() == '[') {
      return WrongLine(number_, "found a [section], but options stand in none");
    }
    const size_t end = text_.find_first_of("=\n#");
    if (end == absl::string_view::npos || text_[end] != '=') {
      return WrongLine(number_, "found no `name = value`");
    }
    line.name = std::string(absl::StripAsciiWhitespace(text_.substr(0, end)));
    if (line.name.empty()) return WrongLine(number_, "found no name before =");
    text_.remove_prefix(end + 1);
    SkipSpaces();
    if (Peek() == '[') {
      PEREGRINE_ASSIGN_OR_RETURN(line.values, ReadList());
    } else {
      PEREGRINE_ASSIGN_OR_RETURN(std::string value, ReadValue("#\n"));
      line.values.push_back(std::move(value));
    }
    SkipSpaces();
    if (!text_.empty() && Peek() != '\n' && Peek() != '#') {
      const absl::string_view rest = text_.substr(0, text_.find('\n'));
      return WrongLine(number_,
                       Peek() == ']'
                           ? "found ] without ["
                           : absl::StrCat("found ", rest, " after the value"));
    }
    return line;
  }

  absl::StatusOr<std::vector<std::string>> ReadList() {
    const int opened_at = number_;
    std::vector<std::string> values;
    text_.remove_prefix(1);
    while (true) {
      SkipBlanks();
      if (text_.empty()) return WrongLine(opened_at, "found [ without ]");
      if (Peek() == ']') break;
      PEREGRINE_ASSIGN_OR_RETURN(std::string value, ReadValue(",]#\n"));
      values.push_back(std::move(value));
      SkipBlanks();
      if (Peek() == ',') {
        text_.remove_prefix(1);
      } else if (!text_.empty() && Peek() != ']') {
        return WrongLine(number_, "found no comma between values of a list");
      }
    }
    text_.remove_prefix(1);
    return values;
  }

  // Which ends before one of `ends`, unless it is in quotes.
  absl::StatusOr<std::string> ReadValue(absl::string_view ends) {
    if (Peek() == '"' || Peek() == '\'') return ReadString();
    const size_t end = text_.find_first_of(ends);
    const absl::string_view value =
        absl::StripAsciiWhitespace(text_.substr(0, end));
    if (value.empty()) return WrongLine(number_, "found no value");
    if (absl::StrContains(value, '[')) {
      return WrongLine(number_, "found [ within a value; it needs quotes");
    }
    if (absl::StrContains(value, ']')) {
      return WrongLine(number_, "found ] without [");
    }
    text_.remove_prefix(end == absl::string_view::npos ? text_.size() : end);
    return std::string(value);
  }

  absl::StatusOr<std::string> ReadString() {
    const char quote = Peek();
    std::string value;
    for (size_t i = 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] == quote) {
        text_.remove_prefix(i + 1);
        return value;
      }
      if (quote == '"' && text_[i] == '\\') {
        if (++i == text_.size()) break;
        const absl::string_view kEscapes = "\"\\nt";
        const size_t escape = kEscapes.find(text_[i]);
        if (escape == absl::string_view::npos) {
          return WrongLine(number_,
                           absl::StrCat("found \\", text_.substr(i, 1),
                                        ", allowed in \"...\" are \\\" \\\\ "
                                        "\\n \\t; '...' takes all as it is"));
        }
        value += "\"\\\n\t"[escape];
      } else {
        value += text_[i];
      }
    }
    return WrongLine(number_, "found a quote left open");
  }

  char Peek() const { return text_.empty() ? '\0' : text_.front(); }

  void SkipSpaces() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\r') {
      text_.remove_prefix(1);
    }
  }

  // And comments, and ends of lines.
  void SkipBlanks() {
    for (SkipSpaces(); Peek() == '#' || Peek() == '\n'; SkipSpaces()) {
      text_.remove_prefix(std::min(text_.find('\n'), text_.size()));
      if (text_.empty()) return;
      text_.remove_prefix(1);
      ++number_;
    }
  }

  absl::string_view text_;
  int number_ = 1;
};

}  // namespace

absl::StatusOr<std::vector<ConfigLine>> ParseConfigText(
    absl::string_view text) {
  return Reader(text).Read();
}

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  const auto failed = [](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("cannot be read: ", why));
  };
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return failed(std::strerror(errno));
  std::string text;
  char buffer[4096];
  ssize_t length = 0;
  while (text.size() <= kMaxBytes) {
    length = read(file, buffer, sizeof(buffer));
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    text.append(buffer, static_cast<size_t>(length));
  }
  const int error = length < 0 ? errno : 0;
  close(file);
  if (error != 0) return failed(std::strerror(error));  // a folder, say
  if (text.size() > kMaxBytes) return failed("longer than 1 MiB");
  return text;
}

}  // namespace peregrine::server
