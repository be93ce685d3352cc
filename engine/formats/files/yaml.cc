#include "engine/formats/files/yaml.h"

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

constexpr int kMaxDepth = 16;

struct Line {
  int number;  // from 1
  int indent;
  absl::string_view text;  // without indent and trailing white space
};

bool IsSequenceItem(absl::string_view text) {
  return text == "-" || absl::StartsWith(text, "- ");
}

void AppendUtf8(uint32_t code, std::string& text) {
  const auto add = [&](uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

// What a plain scalar stands for.
Json PlainScalar(absl::string_view text) {
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true") return true;
  if (text == "false") return false;
  const bool numeric =
      text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos &&
      text.find_first_of("0123456789") != absl::string_view::npos;
  int64_t integer;
  if (numeric && absl::SimpleAtoi(text, &integer)) {
    if (integer >= 0) return static_cast<uint64_t>(integer);
    return integer;
  }
  double number;
  if (numeric && absl::SimpleAtod(text, &number) && std::isfinite(number)) {
    return number;
  }
  return std::string(text);
}

class Parser {
 public:
  Parser(absl::string_view text, const std::string& path) : path_(path) {
    int number = 0;
    for (absl::string_view raw : absl::StrSplit(text, '\n')) {
      ++number;
      const absl::string_view line = absl::StripTrailingAsciiWhitespace(raw);
      const size_t indent = line.find_first_not_of(' ');
      if (indent == absl::string_view::npos || line[indent] == '#') continue;
      if (lines_.empty() && line == "---") continue;
      lines_.push_back({number, static_cast<int>(indent), line.substr(indent)});
    }
  }

  absl::StatusOr<Json> Parse() {
    if (lines_.empty()) return Json(nullptr);
    PEREGRINE_ASSIGN_OR_RETURN(Json value, Block(lines_[0].indent, 0));
    if (!AtEnd()) return Error("found a line that belongs to nothing above it");
    return value;
  }

 private:
  bool AtEnd() const { return next_ == lines_.size(); }

  absl::Status Error(absl::string_view message) const {
    const int number = lines_[std::min(next_, lines_.size() - 1)].number;
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ": line ", number, ": ", message));
  }

  // The mapping or sequence whose lines have this indent; or a [sequence] on a
  // line of its own, as an empty one is often written.
  absl::StatusOr<Json> Block(int indent, int depth) {
    if (depth > kMaxDepth) {
      return Error(absl::StrCat("found more than ", kMaxDepth, " levels"));
    }
    const absl::string_view text = lines_[next_].text;
    if (text[0] == '[') return RestOfLine(text);
    if (IsSequenceItem(text)) return Sequence(indent, depth);
    return Mapping(indent, depth);
  }

  absl::StatusOr<Json> Sequence(int indent, int depth) {
    Json sequence = Json::array();
    while (!AtEnd() && lines_[next_].indent == indent &&
           IsSequenceItem(lines_[next_].text)) {
      absl::string_view rest = lines_[next_].text.substr(1);
      PEREGRINE_ASSIGN_OR_RETURN(Json value, Value(rest, indent, depth, false));
      sequence.push_back(std::move(value));
    }
    return sequence;
  }

  absl::StatusOr<Json> Mapping(int indent, int depth) {
    Json mapping = Json::object();
    while (!AtEnd() && lines_[next_].indent == indent &&
           !IsSequenceItem(lines_[next_].text)) {
      absl::string_view rest = lines_[next_].text;
      PEREGRINE_ASSIGN_OR_RETURN(std::string key, Key(rest));
      if (mapping.contains(key)) {
        return Error(absl::StrCat("found the key ", Shown(key), " twice"));
      }
      PEREGRINE_ASSIGN_OR_RETURN(Json value, Value(rest, indent, depth, true));
      mapping[std::move(key)] = std::move(value);
    }
    return mapping;
  }

  // Takes a key and its colon off the front of a line.
  absl::StatusOr<std::string> Key(absl::string_view& rest) {
    std::string key;
    if (rest[0] == '"' || rest[0] == '\'') {
      PEREGRINE_ASSIGN_OR_RETURN(key, Quoted(rest));
      rest = absl::StripLeadingAsciiWhitespace(rest);
    } else {
      PEREGRINE_RETURN_IF_ERROR(CheckPlain(rest));
      size_t colon = rest.find(": ");
      if (colon == absl::string_view::npos && absl::EndsWith(rest, ":")) {
        colon = rest.size() - 1;
      }
      if (colon == absl::string_view::npos) {
        return Error("found no \"key: value\", expected one");
      }
      key = std::string(
          absl::StripTrailingAsciiWhitespace(rest.substr(0, colon)));
      rest.remove_prefix(colon);
    }
    if (!absl::ConsumePrefix(&rest, ":")) {
      return Error("found no colon behind a key, expected one");
    }
    return key;
  }

  // A value that ends its line, which is then done.
  absl::StatusOr<Json> RestOfLine(absl::string_view rest) {
    PEREGRINE_ASSIGN_OR_RETURN(Json value, Inline(rest, 0));
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!rest.empty() && rest[0] != '#') {
      return Error(absl::StrCat("found ", Shown(std::string(rest)),
                                " behind a value, expected nothing"));
    }
    ++next_;
    return value;
  }

  // The value behind a key or a dash of a line with `indent`; it may be the
  // block of lines below. A sequence may stand as far left as its key.
  absl::StatusOr<Json> Value(absl::string_view rest, int indent, int depth,
                             bool of_key) {
    rest = absl::StripLeadingAsciiWhitespace(rest);
    if (!rest.empty() && rest[0] != '#') return RestOfLine(rest);
    ++next_;
    if (AtEnd()) return Json(nullptr);
    const Line& below = lines_[next_];
    if (below.indent > indent ||
        (of_key && below.indent == indent && IsSequenceItem(below.text))) {
      return Block(below.indent, depth + 1);
    }
    return Json(nullptr);
  }

  // Takes a scalar or a [sequence] off the front of a line.
  absl::StatusOr<Json> Inline(absl::string_view& rest, int depth) {
    if (rest[0] == '[') return Brackets(rest, depth);
    if (rest[0] == '"' || rest[0] == '\'') {
      PEREGRINE_ASSIGN_OR_RETURN(std::string text, Quoted(rest));
      return Json(std::move(text));
    }
    PEREGRINE_RETURN_IF_ERROR(CheckPlain(rest));
    const bool in_brackets = depth > 0;
    size_t end = std::min(rest.find(" #"), rest.size());
    if (in_brackets) end = std::min(end, rest.find_first_of(",]"));
    if (!in_brackets && absl::StrContains(rest.substr(0, end), ": ")) {
      return Error(
          "found a mapping on the line of a key or a dash, expected "
          "it on lines of its own");
    }
    const absl::string_view text =
        absl::StripTrailingAsciiWhitespace(rest.substr(0, end));
    rest.remove_prefix(end);
    return PlainScalar(text);
  }

  absl::StatusOr<Json> Brackets(absl::string_view& rest, int depth) {
    if (depth > kMaxDepth) {
      return Error(absl::StrCat("found more than ", kMaxDepth, " levels"));
    }
    rest.remove_prefix(1);
    Json sequence = Json::array();
    while (true) {
      rest = absl::StripLeadingAsciiWhitespace(rest);
      if (absl::ConsumePrefix(&rest, "]")) return sequence;
      if (rest.empty() || rest[0] == ',') break;
      PEREGRINE_ASSIGN_OR_RETURN(Json value, Inline(rest, depth + 1));
      sequence.push_back(std::move(value));
      rest = absl::StripLeadingAsciiWhitespace(rest);
      if (!absl::ConsumePrefix(&rest, ",") && !absl::StartsWith(rest, "]")) {
        break;
      }
    }
    return Error("found no end of a [sequence] on its line, expected one");
  }

  // What a plain scalar must not begin with.
  absl::Status CheckPlain(absl::string_view text) const {
    if (absl::StrContains("&*!|>{}@`%?", text.substr(0, 1)) &&
        (text[0] != '?' || absl::StartsWith(text, "? "))) {
      return Error(absl::StrCat("found ", Shown(std::string(text)),
                                ", expected no such YAML here"));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Quoted(absl::string_view& rest) {
    const char quote = rest[0];
    std::string text;
    size_t at = 1;
    for (; at < rest.size(); ++at) {
      if (rest[at] == quote) {
        // 'it''s'
        if (quote == '"' || rest.substr(at + 1, 1) != "'") break;
        ++at;
      }
      if (rest[at] == '\\' && quote == '"') {
        PEREGRINE_RETURN_IF_ERROR(Escape(rest, at, text));
      } else {
        text += rest[at];
      }
    }
    if (at >= rest.size()) {
      return Error("found no end of a quoted text on its line, expected one");
    }
    rest.remove_prefix(at + 1);
    return text;
  }

  // Of the backslash at `at`, which is moved to the last character of it.
  absl::Status Escape(absl::string_view rest, size_t& at,
                      std::string& text) const {
    static constexpr absl::string_view kNames = "0abtnvfre \"/\\NLP_";
    static const std::vector<uint32_t>* const values =
        new std::vector<uint32_t>{0,    7,    8,      9,      10,  11,
                                  12,   13,   27,     ' ',    '"', '/',
                                  '\\', 0x85, 0x2028, 0x2029, 0xa0};
    ++at;
    const char name = at < rest.size() ? rest[at] : '\0';
    const size_t digits = name == 'x'   ? 2
                          : name == 'u' ? 4
                          : name == 'U' ? 8
                                        : 0;
    uint32_t code = 0;
    if (digits > 0) {
      const std::string hex(rest.substr(at + 1, digits));
      if (hex.size() != digits ||
          hex.find_first_not_of("0123456789abcdefABCDEF") !=
              std::string::npos ||
          !absl::SimpleHexAtoi(hex, &code) || code > 0x10ffff ||
          (code >= 0xd800 && code < 0xe000)) {
        return Error(absl::StrCat("found the escape \\", std::string(1, name),
                                  hex, ", expected the code of a character"));
      }
      at += digits;
    } else {
      const size_t found = kNames.find(name);
      if (name == '\0' || found == absl::string_view::npos) {
        return Error(absl::StrCat("found the escape ",
                                  Shown("\\" + std::string(1, name)),
                                  ", expected one of YAML"));
      }
      code = (*values)[found];
    }
    AppendUtf8(code, text);
    return absl::OkStatus();
  }

  const std::string& path_;
  std::vector<Line> lines_;
  size_t next_ = 0;  // line
};

}  // namespace

absl::StatusOr<Json> ParseYaml(absl::string_view text,
                               const std::string& path) {
  const absl::string_view start = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StartsWith(start, "{")) return ParseJson(text, path);
  return Parser(text, path).Parse();
}

}  // namespace peregrine::formats
