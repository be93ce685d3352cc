#include "engine/document/find_spans.h"

#include <re2/re2.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;
using text::LastCharacter;

// One alternative and group a kind, the first that matches wins. What stands
// in front of a match is looked at afterwards: RE2 cannot look back.
struct Pattern {
  SpanKind kind;
  const char* pattern;
};

#define PEREGRINE_URL_CHARACTER "[^\\s<>\"\\x60|\\\\^“”«»„‚‘（）。，、！？；：]"

#define PEREGRINE_TOP_LEVEL_DOMAINS                                           \
  "com|org|net|edu|gov|mil|int|info|biz|name|io|dev|app|ai|eu|de|fr|uk|ch|"   \
  "at|nl|be|it|es|pt|pl|cz|sk|hu|ro|bg|gr|ru|ua|cn|jp|kr|in|br|mx|ar|cl|us|"  \
  "ca|au|nz|se|no|dk|fi|ie|is|lt|lv|ee|tr|il|za|tv|me|co|test|example|local|" \
  "xyz|online|shop|site|blog|cloud|tech|wiki|museum|travel|asia|mobi|jobs|pro"

const Pattern kPatterns[] = {
    {SpanKind::kCode, "```(?s:.+?)```|``[^\\n]+?``|`[^`\\n]+`"},
    {SpanKind::kEmail,
     "[\\pL\\pN._%+-]+@[\\pL\\pN-]+(?:\\.[\\pL\\pN-]+)*\\.\\pL{2,}"},
    {SpanKind::kUrl,
     "(?i:[a-z][a-z0-9+.-]*://"
     "|www\\.|mailto:|tel:\\+?\\d)" PEREGRINE_URL_CHARACTER "+"},
    // IP addresses, and hosts without a scheme.
    {SpanKind::kUrl,
     "(?:\\d{1,3}\\.){3}\\d{1,3}(?::\\d+)?(?:/\\d+)?|"
     "(?:[0-9A-Fa-f]{1,4}:){3,7}:?[0-9A-Fa-f]{1,4}|"
     "(?:[0-9A-Fa-f]{1,4}:){1,6}(?::[0-9A-Fa-f]{1,4}){1,6}|"
     "(?:[\\pL\\pN](?:[\\pL\\pN-]*[\\pL\\pN])?\\.)+(?"
     ":" PEREGRINE_TOP_LEVEL_DOMAINS
     ")\\b(?::\\d+)?(?:[/?#]" PEREGRINE_URL_CHARACTER "*)?"},
    {SpanKind::kPlaceholder,
     // Markup in plain text: <x/>, <b>, </b>, <a href="...">, <%= x %>.
     "</?[A-Za-z][\\w:.-]*(?:\\s+[\\w:.@-]+(?:\\s*=\\s*(?:\"[^\"<>]*\"|"
     "'[^'<>]*'|[^\\s\"'<>=]+))?)*\\s*/?>|<%[^%\\n]*%>|<\\?[^?\\n]*\\?>|"
     // {x}, {{x.y}}, ${x}, #{x}, %{x}, {0,number,#.##}, {n, plural, one {#}
     // ..}.
     "[$#%@]?\\{\\{[^{}\\n]{0,200}\\}\\}|"
     "[$#%@]?\\{[\\w.$#@:|+*-]*\\}|"
     "\\{\\s*\\w+\\s*,(?:[^{}\\n]|\\{[^{}\\n]*\\}){1,400}\\}|"
     "\\[\\[[\\w.:-]+\\]\\]|\\{%[^%\\n]*%\\}|__\\w+?__|"
     // %1$s, %-5.2f, %(x)d, %name%, $name, \n.
     "%\\(\\w[\\w.]*\\)[-+#0]*\\d*(?:\\.\\d+)?[a-zA-Z]|"
     "%[A-Za-z_]\\w*%|"
     "%(?:\\d+\\$)?[-+0#]*(?:\\d+|\\*)?(?:\\.\\d+)?(?:hh|h|ll|l|L|z|j|t)?"
     "[diouxXeEfFgGaAcspn@]|"
     "\\$[A-Za-z_]\\w*|&(?:[A-Za-z]\\w*|#\\d+|#x[0-9A-Fa-f]+);|"
     "\\\\(?:[nrt]|u[0-9A-Fa-f]{4})"},
    {SpanKind::kPath,
     // C:\\Program Files\\x: a folder may have spaces in its name.
     "[A-Za-z]:[\\\\/](?:[^\\s<>\"|?*:\\\\/]+(?:(?: [^\\s<>\"|?*:\\\\/]+){0,3}"
     "\\\\|/))*[^\\s<>\"|?*:\\\\/,;]*|"
     "\\\\\\\\[\\w.$-]+(?:\\\\[\\w.$-]+)+|"
     "(?:~|\\.{1,2})?(?:/[\\pL\\pN._@%+~=-]+)+/?|"
     "(?:[\\pL\\pN._-]+/)+[\\pL\\pN_-]+\\.[A-Za-z][A-Za-z0-9]{0,4}|"
     "[\\pL\\pN_-]+(?:\\.[\\pL\\pN_-]+)*\\.(?i:txt|pdf|docx?|xlsx?|pptx?|odt|"
     "csv|tsv|json|ya?ml|toml|xml|html?|css|js|ts|py|rb|rs|go|java|kt|cc|cpp|"
     "hpp|sh|bat|exe|dll|so|zip|gz|tar|tgz|rar|png|jpe?g|gif|svg|webp|mp[34]|"
     "wav|avi|mkv|iso|deb|rpm|log|cfg|conf|ini|md|rst|tex|bak|db|sql)"},
    {SpanKind::kShortcode, ":[A-Za-z][\\w+-]*:"},
    {SpanKind::kMention, "@[\\pL\\pN_][\\pL\\pN_.-]*"},
    {SpanKind::kTag, "#\\pN*[\\pL_][\\pL\\pN_\\pM]*"},
    // v1.2, 1.2.3-rc1; not the product numbers, which are nouns.
    {SpanKind::kVersion,
     "(?:[vV]\\d+(?:\\.\\d+)+|\\d+(?:\\.\\d+){2,})(?:[-+][\\w.]*\\w)?"},
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

// Characters of which each built-in span has at least one.
bool MayHoldSpans(absl::string_view text) {
  return text.find_first_of("@:/\\{}%$#<`&_[.") != absl::string_view::npos;
}

bool IsWordCharacter(int32_t c) {
  return c == '_' ||
         (c >= 0 && (u_isalnum(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0));
}

// "24.12.2025" and "1.000.000": shown to the model.
bool IsDateOrNumber(absl::string_view match) {
  static const RE2* const pattern =
      new RE2("\\d{1,2}\\.\\d{1,2}\\.\\d{2,4}|\\d{1,3}(?:\\.\\d{3})+");
  return RE2::FullMatch({match.data(), match.size()}, *pattern);
}

// Whether a span of `kind` may begin behind `before`.
bool MayBeginBehind(int32_t before, SpanKind kind, absl::string_view match) {
  switch (kind) {
    case SpanKind::kPlaceholder:
      // "50%d" is none, nor "AT&T;".
      return match[0] != '%' || before < 0 || !u_isdigit(before) ||
             absl::EndsWith(match, "%") || match[1] == '(' || match[1] == '{';
    case SpanKind::kPath:
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
    case SpanKind::kEmail:
      return !IsWordCharacter(before) || text::IsHanOrKana(before) ||
             match.size() > 4;
    default:
      return true;
  }
}

// Without the punctuation that belongs to the sentence: "(see a.org)."
absl::string_view TrimUrl(absl::string_view url) {
  // Chinese or Japanese text that follows without a space.
  for (size_t at = 0; at < url.size();) {
    const Character c = FirstCharacter(url.substr(at));
    if (text::IsHanOrKana(c.code_point)) {
      const int32_t before = LastCharacter(url.substr(0, at)).code_point;
      if (!text::IsHanOrKana(before) &&
          absl::string_view("/=?&#_-.").find(static_cast<char>(before)) ==
              absl::string_view::npos) {
        url = url.substr(0, at);
        break;
      }
    }
    at += c.size;
  }
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

absl::string_view Trimmed(absl::string_view match, SpanKind kind) {
  switch (kind) {
    case SpanKind::kUrl:
      return TrimUrl(match);
    case SpanKind::kEmail:
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
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    SpanKind kind = SpanKind::kUrl;
    for (int i = 1; i < kGroups; ++i) {
      if (groups[i].data() != nullptr) kind = kPatterns[i - 1].kind;
    }
    const absl::string_view match =
        Trimmed(text.substr(begin, groups[0].size()), kind);
    const int32_t before = LastCharacter(text.substr(0, begin)).code_point;
    at = begin + match.size();
    if (match.empty() || !MayBeginBehind(before, kind, match)) {
      // What begins inside may still be one; of "and/or" nothing is.
      if (kind != SpanKind::kPath) {
        at = begin + FirstCharacter(text.substr(begin)).size;
      }
      continue;
    }
    if (!kinds.Has(kind)) continue;
    spans->push_back({{begin, begin + match.size()}, kind});
  }
}

bool IsKeycap(absl::string_view text) {
  // A digit, # or *, perhaps U+FE0F, and U+20E3.
  if (text.empty() ||
      !(absl::ascii_isdigit(text[0]) || text[0] == '#' || text[0] == '*')) {
    return false;
  }
  text.remove_prefix(1);
  absl::ConsumePrefix(&text, "\xEF\xB8\x8F");
  return absl::StartsWith(text, "\xE2\x83\xA3");
}

bool ContinuesEmoji(int32_t c) {
  return text::IsEmoji(c) || c == 0x20E3 || (c >= 0xE0020 && c <= 0xE007F) ||
         (c >= 0xFE00 && c <= 0xFE0F);
}

// Emoji and other pictures, a run of them as one.
void FindEmoji(absl::string_view text, std::vector<Span>* spans) {
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool keycap = byte < 0x80 && IsKeycap(text.substr(at));
    if (byte < 0xC2 && !keycap) {
      ++at;
      continue;
    }
    Character c = FirstCharacter(text.substr(at));
    const bool variant =  // "©️": an ordinary sign shown as a picture
        absl::StartsWith(text.substr(at + c.size), "\xEF\xB8\x8F") &&
        c.code_point >= 0 && u_hasBinaryProperty(c.code_point, UCHAR_EMOJI);
    const bool starts = text::IsEmoji(c.code_point) && c.code_point != 0x200D &&
                        c.code_point != 0xFE0F;
    if (!keycap && !variant && !starts) {
      at += c.size;
      continue;
    }
    const size_t begin = at;
    at += c.size;
    while (at < text.size()) {
      c = FirstCharacter(text.substr(at));
      if (!ContinuesEmoji(c.code_point) && !IsKeycap(text.substr(at))) break;
      at += c.size;
    }
    spans->push_back({{begin, at}, SpanKind::kEmoji});
  }
}

bool IsOpener(int32_t c) {
  return c >= 0 && (u_charType(c) == U_START_PUNCTUATION ||
                    u_charType(c) == U_INITIAL_PUNCTUATION || c == '"' ||
                    c == '\'' || c == '<');
}

bool IsCloserOf(int32_t opener, int32_t c) {
  switch (opener) {
    case '"':
    case '\'':
      return c == opener;
    case 0x201E:  // „
      return c == 0x201C || c == 0x201D;
    case 0x201C:
      return c == 0x201D;
    case 0x2018:
      return c == 0x2019;
    case '<':
      return c == '>';
    default:
      return c >= 0 && u_getBidiPairedBracket(opener) == c && c != opener;
  }
}

// Whether a span can be torn from a neighbour such as `c` without leaving half
// a word: not from the letters of scripts that put spaces between words.
bool HoldsTogether(int32_t c) {
  return IsWordCharacter(c) && !text::IsHanOrKana(c);
}

// Whether the character at `at` separates digits: of "52,029" nothing is torn.
bool IsInsideNumber(absl::string_view text, size_t at) {
  const Character c = FirstCharacter(text.substr(at));
  return (c.code_point == ',' || c.code_point == ':' || c.code_point == '/') &&
         text::IsDigit(LastCharacter(text.substr(0, at)).code_point) &&
         text::IsDigit(FirstCharacter(text.substr(at + c.size)).code_point);
}

// To the ends of the word that the span is a part of, and over brackets and
// quotation marks that hold nothing else.
void Widen(absl::string_view text, Span* span) {
  ByteRange& range = span->range;
  if (span->kind != SpanKind::kEmoji) {
    const auto joins = [](int32_t c) {
      return HoldsTogether(c) || c == '-' || c == '.' || c == '\'' ||
             c == 0x2019;
    };
    const auto last = [&] {
      return LastCharacter(text.substr(0, range.begin));
    };
    const bool markup = text[range.begin] == '<' || text[range.begin] == '\\';
    if (!markup) {
      if (HoldsTogether(last().code_point)) {
        while (joins(last().code_point) ||
               IsInsideNumber(text, range.begin - last().size)) {
          range.begin -= last().size;
        }
      }
      size_t end = range.end;
      while (end < text.size() &&
             (joins(FirstCharacter(text.substr(end)).code_point) ||
              IsInsideNumber(text, end))) {
        end += FirstCharacter(text.substr(end)).size;
      }
      // A quotation mark or a dash at the end is none of the word.
      while (end > range.end &&
             !HoldsTogether(LastCharacter(text.substr(0, end)).code_point)) {
        end -= LastCharacter(text.substr(0, end)).size;
      }
      range.end = end;
    }
  }
  // Marks of direction around what the vocabulary does not know.
  const auto is_format = [](const Character& c) {
    return c.code_point >= 0 && u_charType(c.code_point) == U_FORMAT_CHAR;
  };
  while (is_format(LastCharacter(text.substr(0, range.begin)))) {
    range.begin -= LastCharacter(text.substr(0, range.begin)).size;
  }
  while (is_format(FirstCharacter(text.substr(range.end)))) {
    range.end += FirstCharacter(text.substr(range.end)).size;
  }
  for (;;) {
    const Character open = LastCharacter(text.substr(0, range.begin));
    const Character close = FirstCharacter(text.substr(range.end));
    if (!IsOpener(open.code_point) ||
        !IsCloserOf(open.code_point, close.code_point)) {
      return;
    }
    range.begin -= open.size;
    range.end += close.size;
  }
}

}  // namespace

SpanPatterns::SpanPatterns() = default;
SpanPatterns::~SpanPatterns() = default;

absl::StatusOr<std::shared_ptr<const SpanPatterns>> SpanPatterns::Compile(
    absl::Span<const std::string> patterns) {
  if (patterns.size() > kMaxPatterns) {
    return absl::InvalidArgumentError(
        absl::StrCat("found ", patterns.size(), " patterns, allowed at most ",
                     kMaxPatterns));
  }
  std::shared_ptr<SpanPatterns> compiled(new SpanPatterns);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(1 << 20);
  for (size_t i = 0; i < patterns.size(); ++i) {
    const std::string name = absl::StrCat("pattern ", i);
    if (patterns[i].size() > kMaxPatternBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": found ", patterns[i].size(),
                       " bytes, allowed at most ", kMaxPatternBytes));
    }
    auto pattern = std::make_unique<RE2>(patterns[i], options);
    if (!pattern->ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, " (\"", patterns[i], "\"): ", pattern->error(),
                       ", expected the syntax of RE2"));
    }
    if (patterns[i].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(name, ": is empty, expected a pattern"));
    }
    compiled->patterns_.push_back(std::move(pattern));
  }
  return std::shared_ptr<const SpanPatterns>(std::move(compiled));
}

void SpanPatterns::Find(absl::string_view text,
                        std::vector<Span>* spans) const {
  const re2::StringPiece input(text.data(), text.size());
  for (const auto& pattern : patterns_) {
    re2::StringPiece match;
    for (size_t at = 0; at <= text.size();) {
      if (!pattern->Match(input, at, text.size(), RE2::UNANCHORED, &match, 1)) {
        break;
      }
      const auto begin = static_cast<size_t>(match.data() - text.data());
      if (match.empty()) {
        at = begin +
             std::max<size_t>(1, FirstCharacter(text.substr(begin)).size);
        continue;
      }
      at = begin + match.size();
      spans->push_back({{begin, at}, SpanKind::kPattern});
    }
  }
}

void SortAndSeparate(std::vector<Span>* spans) {
  std::stable_sort(spans->begin(), spans->end(),
                   [](const Span& a, const Span& b) {
                     if (a.range.begin != b.range.begin) {
                       return a.range.begin < b.range.begin;
                     }
                     return a.range.end > b.range.end;
                   });
  size_t kept = 0;
  for (const Span& span : *spans) {
    if (span.range.empty()) continue;
    if (kept > 0 && span.range.begin < (*spans)[kept - 1].range.end) {
      // What reaches out of the one before makes it longer: neither is torn.
      ByteRange& before = (*spans)[kept - 1].range;
      before.end = std::max(before.end, span.range.end);
      continue;
    }
    (*spans)[kept++] = span;
  }
  spans->resize(kept);
}

std::vector<Span> FindSpans(
    absl::string_view text, SpanKinds kinds,
    absl::Span<const std::shared_ptr<const SpanPatterns>> patterns) {
  std::vector<Span> spans;
  FindBuiltIn(text, kinds, &spans);
  if (kinds.Has(SpanKind::kEmoji)) FindEmoji(text, &spans);
  if (kinds.Has(SpanKind::kPattern)) {
    for (const auto& of_one : patterns) of_one->Find(text, &spans);
  }
  SortAndSeparate(&spans);
  for (Span& span : spans) Widen(text, &span);
  SortAndSeparate(&spans);
  return spans;
}

void WidenToWords(absl::string_view text, std::vector<Span>* spans) {
  for (Span& span : *spans) Widen(text, &span);
}

std::vector<Span> FindKept(absl::string_view text, SpanKinds kinds) {
  // Versions and product numbers before numbers.
  static const RE2* const pattern = new RE2(
      "(\\b(?:[vV]\\d+(?:\\.\\d+)*(?:[-+][\\w.]*\\w)?|\\d+(?:\\.\\d+){2,}"
      "(?:[-+][\\w.]*\\w)?|[A-Z]+[A-Za-z]*-?\\d[\\dA-Za-z]*(?:-[\\dA-Z]+)*|"
      "\\d+[A-Z][\\dA-Z]*)\\b|"
      // m², x₁: normalisers make usual digits of these.
      "\\pL{1,3}[\\x{B2}\\x{B3}\\x{B9}\\x{2070}-\\x{2099}]+)|"
      "(\\pN+(?:[.,:'’/\\x{A0}\\x{202F}]\\pN+)*)");
  static const RE2* const thousands = new RE2("\\d{1,3}(?:\\.\\d{3})+");
  std::vector<Span> kept;
  const bool any = std::any_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(c) || static_cast<unsigned char>(c) >= 0xC2;
  });
  if (!any) return kept;
  re2::StringPiece groups[3];
  const re2::StringPiece input(text.data(), text.size());
  for (size_t at = 0; at < text.size();) {
    if (!pattern->Match(input, at, text.size(), RE2::UNANCHORED, groups, 3)) {
      break;
    }
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    at = begin + groups[0].size();
    const bool is_version =
        groups[1].data() != nullptr &&
        !RE2::FullMatch(groups[1], *thousands);  // "1.000.000"
    const SpanKind kind = is_version ? SpanKind::kVersion : SpanKind::kNumber;
    if (kinds.Has(kind)) kept.push_back({{begin, at}, kind});
  }
  return kept;
}

}  // namespace peregrine::document
