#include "engine/document/built_in_spans.h"

#include <re2/re2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <iterator>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/document/span_edges.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;
using text::LastCharacter;

// The longest placeholder in braces, and the longest that is one line of no
// known form.
constexpr size_t kMaxBraced = 2000;
constexpr size_t kMaxPlainBraced = 200;

// One alternative and group a kind, the first that matches wins. What stands
// in front of a match is looked at afterwards: RE2 cannot look back.
struct Pattern {
  SpanKind kind;
  const char* pattern;
};

#define PEREGRINE_URL_CHARACTER "[^\\s<>\"\\x60|\\\\^“”«»„‚‘（）。，、！？；：]"
#define PEREGRINE_HEX "[0-9A-Fa-f]{1,4}"
#define PEREGRINE_LABELS "(?:[\\pL\\pN](?:[\\pL\\pN-]*[\\pL\\pN])?\\.)+"
// Not of "3.5km/h".
#define PEREGRINE_LETTER_LABELS "(?:[\\pL\\pN-]*\\pL[\\pL\\pN-]*\\.)+"

// Of a call: a number, a string or x=1, of which words in brackets have none.
#define PEREGRINE_ARGUMENT                                    \
  "(?:-?\\d[\\d.]*%?|\"[^\"\\n()]{0,60}\"|'[^'\\n()]{0,60}'|" \
  "[A-Za-z_]\\w*=[^\\s,()]+)"

#define PEREGRINE_TOP_LEVEL_DOMAINS                                           \
  "com|org|net|edu|gov|mil|int|info|biz|name|io|dev|app|ai|eu|de|fr|uk|ch|"   \
  "at|nl|be|it|es|pt|pl|cz|sk|hu|ro|bg|gr|ru|ua|cn|jp|kr|in|br|mx|ar|cl|us|"  \
  "ca|au|nz|se|no|dk|fi|ie|is|lt|lv|ee|tr|il|za|tv|me|co|test|example|local|" \
  "xyz|online|shop|site|store|blog|cloud|tech|wiki|museum|travel|asia|mobi|"  \
  "jobs|pro|agency|digital|website|berlin|london"

const Pattern kPatterns[] = {
    {SpanKind::kCode, "```(?s:.+?)```|``[^\\n]+?``|`[^`\\n]+`"},
    {SpanKind::kEmail,
     "[\\pL\\pN._%+&=~-]+(?:['’][\\pL\\pN._%+-]+)*@(?:"
     "[\\pL\\pN-]+(?:\\.[\\pL\\pN-]+)*(?::[\\w.~-]*/[\\w./~-]+)?|"
     "\\[[0-9A-Fa-f.:]+\\])"},
    {SpanKind::kUrl,
     "(?i:[a-z][a-z0-9+.-]*://|www\\.|mailto:|tel:\\+?\\d|sms:\\+?\\d|"
     "urn:[a-z]|magnet:\\?|doi:\\d|geo:-?\\d|sips?:\\w+@|xmpp:\\w|"
     "data:\\w+/\\w|about:[a-z]|view-source:\\w|javascript:\\w|bitcoin:\\w|"
     "spotify:\\w)" PEREGRINE_URL_CHARACTER "+"},
    // IP addresses, and hosts without a scheme.
    {SpanKind::kUrl,
     "(?:\\d{1,3}\\.){3}\\d{1,3}(?::\\d+)?(?:/\\d+)?|"
     "(?:" PEREGRINE_HEX ":){1,7}(?::" PEREGRINE_HEX ")+(?:/\\d{1,3})?|"
     "(?:" PEREGRINE_HEX ":){1,7}:/\\d{1,3}|"
     "(?:" PEREGRINE_HEX ":){3,7}" PEREGRINE_HEX "|"
     "::(?:" PEREGRINE_HEX ":)*" PEREGRINE_HEX
     "(?:/\\d{1,3})?|" PEREGRINE_LABELS "(?i:" PEREGRINE_TOP_LEVEL_DOMAINS
     ")\\b(?::\\d+)?(?:[/?#]" PEREGRINE_URL_CHARACTER "*)?|"
     // Other domains, where what follows says that it is one.
     PEREGRINE_LETTER_LABELS
     "[a-z]{2,24}(?::\\d{2,5})?/" PEREGRINE_URL_CHARACTER
     "+|" PEREGRINE_LETTER_LABELS "[a-z]{2,24}:\\d{2,5}\\b|"
     "localhost(?::\\d+)?(?:/" PEREGRINE_URL_CHARACTER "*)?|" PEREGRINE_LABELS
     "(?:рф|укр|中国|公司|网络|香港|台湾|한국)(?:/" PEREGRINE_URL_CHARACTER
     "*)?"},
    {SpanKind::kPath,
     // %APPDATA%\x, $HOME/.config, @scope/package, src/**/*.ts, *.txt.
     "(?:%[A-Za-z_]\\w*%|\\$[A-Za-z_]\\w*|\\$\\{\\w+\\})"
     "(?:[\\\\/][\\pL\\pN._@+~=-]+)+[\\\\/]?|"
     "@[a-z0-9][\\w.-]*/[\\w.-]*\\w|"
     "(?:[\\pL\\pN._-]+/)(?:[\\pL\\pN._*-]+/)*[\\pL\\pN._-]*\\*[\\pL\\pN._*-]*|"
     "\\*\\.[A-Za-z][A-Za-z0-9]{0,4}\\b"},
    {SpanKind::kPlaceholder,
     // Markup in plain text: <x/>, <b>, </b>, <a href="...">, <0>, <%= x %>.
     "</?(?:[A-Za-z][\\w:.-]*|\\d+)(?:\\s+[\\w:.@-]+(?:\\s*=\\s*(?:\"[^\"<>]*\""
     "|'[^'<>]*'|[^\\s\"'<>=]+))?)*\\s*/?>|<%[^%\\n]*%>|<\\?[^?\\n]*\\?>|"
     "<<[\\w.-]+>>|"
     // {x}, {{x.y}}, ${x}, #{x}, %{x}: see BracedPlaceholderSize.
     "[$#%@]?\\{|"
     "\\[\\[[\\w.:-]+\\]\\]|\\[%[^%\\n]*%\\]|__\\w+?__|##\\w+##|"
     "\\*\\|[\\w:]+\\|\\*|\\$\\([\\w.-]+(?: [^()\\n]{0,80})?\\)|"
     // %1$s, %-5.2f, %(x)d, %name%, $name, \n.
     "%\\(\\w[\\w.]*\\)[-+#0]*\\d*(?:\\.\\d+)?[a-zA-Z]|"
     "%%[A-Za-z_]\\w*%%|%[A-Za-z_]\\w*%|"
     "%(?:\\d+\\$)?[-+0#]*(?:\\d+|\\*)?(?:\\.\\d+)?(?:hh|h|ll|l|L|z|j|t)?"
     "[diouxXeEfFgGaAcspn@](?:%%)?|%%|"
     "\\$[A-Za-z_]\\w*|&(?:[A-Za-z]\\w*|#\\d+|#x[0-9A-Fa-f]+);|"
     "\\\\(?:r\\\\n|[nrt]|u[0-9A-Fa-f]{4})"},
    {SpanKind::kPath,
     // C:\\Program Files\\x: a folder may have spaces in its name.
     "[A-Za-z]:[\\\\/](?:[^\\s<>\"|?*:\\\\/]+(?:(?: [^\\s<>\"|?*:\\\\/]+){0,3}"
     "\\\\|/))*[^\\s<>\"|?*:\\\\/,;]*|"
     "\\\\\\\\[\\w.$-]+(?:\\\\[\\w.$-]+)+\\\\?|"
     "(?:~|\\.{1,2})?(?:/[\\pL\\pN._@%+~=-]+)+/?|"
     "(?:[\\pL\\pN._-]+/)+[\\pL\\pN_-]+\\.[A-Za-z][A-Za-z0-9]{0,4}|"
     "[\\pL\\pN_-]+(?:\\.[\\pL\\pN_-]+)*\\.(?i:txt|pdf|docx?|xlsx?|pptx?|odt|"
     "csv|tsv|json|ya?ml|toml|xml|html?|css|js|ts|py|rb|rs|go|java|kt|cc|cpp|"
     "hpp|sh|bat|exe|dll|so|zip|gz|tar|tgz|rar|png|jpe?g|gif|svg|webp|mp[34]|"
     "wav|avi|mkv|iso|deb|rpm|log|cfg|conf|ini|md|rst|tex|bak|db|sql)\\b|"
     // .gitignore
     "\\.[a-z][\\w-]+(?:\\.\\w+)*"},
    {SpanKind::kShortcode, ":[A-Za-z][\\w+-]*:"},
    // :count, as frameworks have it.
    {SpanKind::kPlaceholder, ":[A-Za-z_]\\w+"},
    {SpanKind::kMention, "@[\\pL\\pN_][\\pL\\pN_.-]*"},
    {SpanKind::kTag, "#\\pN*[\\pL_][\\pL\\pN_\\pM]*"},
    // v1.2, 1.2.3-rc1; not the product numbers, which are nouns.
    {SpanKind::kVersion,
     "(?:[vV]\\d+(?:\\.\\d+)+|\\d+(?:\\.\\d+){2,})(?:[-+][\\w.]*\\w)?"},
    // f(), a.b(x, 1), std::vector<int>, MAX_COUNT, getName,
    // FileNotFoundError.
    {SpanKind::kCode,
     "[A-Za-z_]\\w*(?:(?:::|->|\\.)[A-Za-z_]\\w*)*\\("
     "(?:(?:[A-Za-z_]\\w*, ?)*" PEREGRINE_ARGUMENT
     "(?:, ?(?:[A-Za-z_]\\w*|" PEREGRINE_ARGUMENT "))*)?\\)|"
     "[A-Za-z_]\\w*(?:::~?[A-Za-z_]\\w*)+(?:<[\\w:, *&]*>)?|"
     "_*[A-Za-z0-9]+(?:_+[A-Za-z0-9]+)+|"
     "\\b[a-z]{2,}[0-9]*(?:[A-Z]+[a-z0-9]+)+[A-Z]*\\b|"
     "\\b[a-z]{2,}[A-Z]{2,}\\b|"
     "\\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+){2,}[A-Z]*\\b|"
     // --dry-run, --output=x, -xzf, -O2.
     "--[a-z][\\w-]*\\w(?:=[^\\s\"'()\\[\\]<>,;]+)?|"
     "-(?:[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{2,5}|[A-Za-z]\\d+)\\b"},
};

const RE2& AllPatterns() {
  static const RE2* const all = [] {
    std::string pattern;
    for (const Pattern& p : kPatterns) {
      absl::StrAppend(&pattern, pattern.empty() ? "(" : "|(", p.pattern, ")");
    }
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(64 << 20);
    const auto* compiled = new RE2(pattern, options);
    PEREGRINE_CHECK(compiled->ok()) << compiled->error();
    return compiled;
  }();
  return *all;
}

// Characters of which each built-in span has at least one; but "localhost",
// options and "getName".
bool MayHoldSpans(absl::string_view text) {
  return text.find_first_of("@:/\\{}%$#<`&_[.*(") != absl::string_view::npos ||
         absl::StrContains(text, "localhost") || absl::StartsWith(text, "-") ||
         absl::StrContains(text, " -") || absl::StrContains(text, "--") ||
         HasHump(text);
}

// "24.12.2025" and "1.000.000": shown to the model.
bool IsDateOrNumber(absl::string_view match) {
  static const RE2* const pattern =
      new RE2("\\d{1,2}\\.\\d{1,2}\\.\\d{2,4}|\\d{1,3}(?:\\.\\d{3})+");
  return RE2::FullMatch({match.data(), match.size()}, *pattern);
}

// "That is it.So we went": a space was forgotten.
bool IsForgottenSpace(absl::string_view host) {
  static const RE2* const pattern =
      new RE2("[^/:?#]*\\p{Ll}\\.\\p{Lu}\\p{Ll}+");
  return RE2::FullMatch({host.data(), host.size()}, *pattern);
}

bool IsSpaceOrOpening(int32_t c) {
  return c < 0 || text::IsSpace(c) || c == '"' || c == '\'' || c == '(' ||
         c == '[' || c == 0xAB || c == 0x201C || c == 0x201E;
}

// Whether `match`, which looks like an option of a command, is one. A dash
// begins a line of dialogue, too: "--he said".
bool IsOptionBehind(int32_t before, absl::string_view match) {
  if (before >= 0 && !text::IsLineBreak(before)) {
    return IsSpaceOrOpening(before) || text::IsHanOrKana(before);
  }
  return !absl::StartsWith(match, "--") ||
         match.find_first_of("-=", 2) != absl::string_view::npos;
}

// "macOS", "webOS": nouns of the sentence.
bool IsName(absl::string_view match) {
  return absl::EndsWith(match, "OS") && match.size() <= 7 &&
         absl::c_all_of(match.substr(0, match.size() - 2),
                        [](char c) { return absl::ascii_islower(c); });
}

// Whether a span of `kind` may begin behind `before`.
bool MayBeginBehind(int32_t before, SpanKind kind, absl::string_view match) {
  switch (kind) {
    case SpanKind::kCode:
      if (match[0] == '-') return IsOptionBehind(before, match);
      return match[0] == '`' || (!IsWordCharacter(before) && !IsName(match));
    case SpanKind::kPlaceholder:
      if (match[0] == ':') return IsSpaceOrOpening(before);
      // "50%d" is none, nor "AT&T;".
      return match[0] != '%' || before < 0 || !u_isdigit(before) ||
             absl::EndsWith(match, "%") || match[1] == '(' || match[1] == '{';
    case SpanKind::kPath:
      if (match[0] == '.' && match[1] != '.' && match[1] != '/') {
        return IsSpaceOrOpening(before);
      }
      if (IsForgottenSpace(match)) return false;
      // "and/or", "5/6".
      return !IsWordCharacter(before) && before != '/' && before != '<' &&
             before != '.' && match.size() > 1;
    case SpanKind::kShortcode:
    case SpanKind::kMention:
    case SpanKind::kTag:
      return (!IsWordCharacter(before) || text::IsHanOrKana(before)) &&
             before != '&' && before != '/' && before != '@' && before != '#';
    case SpanKind::kVersion:
      return !IsWordCharacter(before) && before != '.' && before != ',' &&
             before != '-' && !IsDateOrNumber(match);
    case SpanKind::kUrl:
      if (IsForgottenSpace(match)) return false;
      [[fallthrough]];
    case SpanKind::kEmail:
      return !IsWordCharacter(before) || text::IsHanOrKana(before) ||
             match.size() > 4;
    default:
      return true;
  }
}

// Without Chinese or Japanese text that follows without a space.
absl::string_view TrimHanBehind(absl::string_view url) {
  for (size_t at = 0; at < url.size();) {
    const Character c = FirstCharacter(url.substr(at));
    if (at > 0 && text::IsHanOrKana(c.code_point)) {
      const int32_t before = LastCharacter(url.substr(0, at)).code_point;
      if (!text::IsHanOrKana(before) &&
          absl::string_view("/=?&#_-.@").find(static_cast<char>(before)) ==
              absl::string_view::npos) {
        return url.substr(0, at);
      }
    }
    at += c.size;
  }
  return url;
}

// Without such text in front of a name: "请写jo@a.org".
absl::string_view TrimHanInFront(absl::string_view email) {
  size_t end = 0;
  while (text::IsHanOrKana(FirstCharacter(email.substr(end)).code_point)) {
    end += FirstCharacter(email.substr(end)).size;
  }
  return email.substr(end, 1) == "@" ? email : email.substr(end);
}

// Without the punctuation that belongs to the sentence: "(see a.org)."
absl::string_view TrimUrl(absl::string_view url) {
  url = TrimHanBehind(url);
  for (;;) {
    if (url.empty()) return url;
    const char last = url.back();
    if (absl::StrContains(".,;:!?'*", last)) {
      url.remove_suffix(1);
      continue;
    }
    const auto count = [&](char c) {
      return std::count(url.begin(), url.end(), c);
    };
    if ((last == ')' && count(')') > count('(')) ||
        (last == ']' && count(']') > count('[')) ||
        (last == '}' && count('}') > count('{'))) {
      url.remove_suffix(1);
      continue;
    }
    return url;
  }
}

// Of a match the span, or "".
absl::string_view Trimmed(absl::string_view text, size_t begin, size_t size,
                          SpanKind kind) {
  absl::string_view match = text.substr(begin, size);
  switch (kind) {
    case SpanKind::kPlaceholder:
      if (match.back() != '{') return match;
      return text.substr(begin, BracedPlaceholderSize(text.substr(begin)));
    case SpanKind::kUrl:
      return TrimUrl(match);
    case SpanKind::kEmail:
      match = TrimHanInFront(TrimHanBehind(match));
      [[fallthrough]];
    case SpanKind::kPath:
    case SpanKind::kMention:
      while (match.size() > 1 && absl::StrContains(".,-", match.back())) {
        match.remove_suffix(1);
      }
      return match;
    default:
      return match;
  }
}

// Behind the brace that closes the one at the start of `text`, or 0.
size_t BalancedSize(absl::string_view text) {
  int depth = 0;
  const size_t limit = std::min(text.size(), kMaxBraced);
  for (size_t at = 0; at < limit; ++at) {
    depth += text[at] == '{';
    depth -= text[at] == '}';
    if (depth == 0) return at + 1;
  }
  return 0;
}

// What is no text: "x.y", "a ? b : c", "0,number", "#if x".
bool IsExpression(absl::string_view inside) {
  static const RE2* const pattern = new RE2(
      // One word of a program.
      "\\s*[\\w.$#@:|+*!?>=<,;/'\"\\[\\]()~&^%{}\\pL-]*\\s*|"
      // An argument of ICU's MessageFormat, or of .NET.
      "\\s*[\\w.]+\\s*,\\s*(?:plural|select|selectordinal|number|date|time|"
      "spellout|ordinal|duration|choice|list|-?\\d)(?s:.*)|"
      // Operators, and the signs with which templates begin a command.
      ".* (?:\\?|\\+|\\*|\\||&&|\\|\\||==|!=|>=|<=|=>) .*|[/#@:$%!^].*");
  return RE2::FullMatch({inside.data(), inside.size()}, *pattern);
}

bool HasHanOrKana(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    if (text::IsHanOrKana(c.code_point)) return true;
    at += c.size;
  }
  return false;
}

}  // namespace

bool HasHump(absl::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (absl::ascii_isupper(text[i]) && absl::ascii_islower(text[i - 1])) {
      return true;
    }
  }
  return false;
}

size_t BracedPlaceholderSize(absl::string_view text) {
  const size_t sign = text.empty() || text[0] == '{' ? 0 : 1;
  const absl::string_view braces = text.substr(sign);
  const size_t size = BalancedSize(braces);
  if (size == 0) return 0;
  const absl::string_view inside = braces.substr(1, size - 2);
  const bool is_doubled =
      absl::StartsWith(inside, "{") && absl::EndsWith(inside, "}");
  const bool is_plain =
      inside.size() <= kMaxPlainBraced && !absl::StrContains(inside, '\n');
  if (is_doubled || (sign > 0 && is_plain)) return sign + size;
  if (!IsExpression(inside) || HasHanOrKana(inside)) return 0;
  return sign + size;
}

bool IsLineBreakPlaceholder(absl::string_view placeholder) {
  static const RE2* const pattern = new RE2("\\\\r?\\\\?n");
  return RE2::FullMatch({placeholder.data(), placeholder.size()}, *pattern);
}

void FindBuiltIn(absl::string_view text, SpanKinds kinds,
                 std::vector<Span>* spans) {
  if (!MayHoldSpans(text)) return;
  const RE2& all = AllPatterns();
  constexpr int kGroups = 1 + static_cast<int>(std::size(kPatterns));
  re2::StringPiece groups[kGroups];
  const re2::StringPiece input(text.data(), text.size());
  for (size_t at = 0; at < text.size();) {
    if (!all.Match(input, at, text.size(), RE2::UNANCHORED, groups, kGroups)) {
      break;
    }
    auto begin = static_cast<size_t>(groups[0].data() - text.data());
    SpanKind kind = SpanKind::kUrl;
    for (int i = 1; i < kGroups; ++i) {
      if (groups[i].data() != nullptr) kind = kPatterns[i - 1].kind;
    }
    const absl::string_view match =
        Trimmed(text, begin, groups[0].size(), kind);
    if (!match.empty()) begin = static_cast<size_t>(match.data() - text.data());
    const int32_t before = LastCharacter(text.substr(0, begin)).code_point;
    at = begin + match.size();
    if (match.empty() || !MayBeginBehind(before, kind, match)) {
      // What begins inside may still be one; of "and/or" nothing is.
      if (kind != SpanKind::kPath || match.empty()) {
        at = begin + FirstCharacter(text.substr(begin)).size;
      }
      continue;
    }
    if (!kinds.Has(kind)) continue;
    spans->push_back({{begin, begin + match.size()}, kind});
  }
}

}  // namespace peregrine::document
