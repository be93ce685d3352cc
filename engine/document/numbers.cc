#include "engine/document/numbers.h"

#include <re2/re2.h>
#include <unicode/dcfmtsym.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/document/find_spans.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;
using text::LastCharacter;

// Digits that a model copies without help.
constexpr size_t kMaxShortDigits = 6;
constexpr size_t kMinNameDigits = 7;  // of a telephone, a card, an account

// Also "½".
bool IsNumber(int32_t c) {
  return c >= 0 && (U_GET_GC_MASK(c) & U_GC_N_MASK) != 0;
}

// A number in its groups of digits, and what stands between them.
struct Groups {
  std::vector<std::string> digits;
  std::vector<int32_t> separators;  // 0: several characters
};

// Of `count` signs, the last of which is `last`: ".." is that of a range.
int32_t SeparatorOf(int32_t last, int count) {
  if (count == 1) return last;
  return count == 2 && last == '.' ? 0x2013 : 0;
}

Groups GroupsOf(absl::string_view number) {
  Groups groups;
  int32_t separator = -1;
  int pending = 0;
  for (size_t at = 0; at < number.size();) {
    const Character c = FirstCharacter(number.substr(at));
    const int32_t value =
        c.code_point < 0 ? -1 : u_charDigitValue(c.code_point);
    // "½" stands for itself.
    if (value < 0 && !IsNumber(c.code_point)) {
      separator = c.code_point;
      ++pending;
    } else {
      if (groups.digits.empty() || pending > 0) {
        if (!groups.digits.empty()) {
          groups.separators.push_back(SeparatorOf(separator, pending));
        }
        groups.digits.emplace_back();
      }
      groups.digits.back() +=
          value < 0 ? std::string(number.substr(at, c.size))
                    : std::string(1, static_cast<char>('0' + value));
      pending = 0;
    }
    at += c.size;
  }
  return groups;
}

bool IsSpaceSeparator(int32_t c) {
  return c == ' ' || c == 0xA0 || c == 0x202F || c == 0x2009;
}

bool IsThousandsSeparator(int32_t c) {
  return c == ',' || c == '.' || c == '\'' || c == 0x2019 ||
         IsSpaceSeparator(c);
}

// How many groups are the whole part, if [0, that) are thousands by one
// separator; 1: it has none. Decimals are at most one group more.
size_t WholeGroups(const Groups& groups) {
  const size_t count = groups.digits.size();
  if (count < 2 || !IsThousandsSeparator(groups.separators[0]) ||
      groups.digits[0].size() > 3) {
    return 1;
  }
  size_t whole = 1;
  while (whole < count && groups.digits[whole].size() == 3 &&
         groups.separators[whole - 1] == groups.separators[0]) {
    ++whole;
  }
  return whole;
}

bool IsDecimalSeparator(int32_t c) { return c == ',' || c == '.'; }

// One number with thousands or decimals, not a date or a time.
bool IsQuantity(const Groups& groups) {
  const size_t count = groups.digits.size();
  const size_t whole = WholeGroups(groups);
  if (whole == count) return true;
  return whole + 1 == count &&
         IsDecimalSeparator(groups.separators[whole - 1]) &&
         (whole == 1 || groups.separators[whole - 1] != groups.separators[0]);
}

// The groups with those of thousands joined.
std::vector<std::string> Joined(const Groups& groups, size_t whole) {
  std::vector<std::string> joined(1);
  for (size_t i = 0; i < groups.digits.size(); ++i) {
    if (i < whole) {
      joined[0] += groups.digits[i];
    } else {
      joined.push_back(groups.digits[i]);
    }
  }
  return joined;
}

// The ways to read a number: "1,234" is one group or two.
std::vector<std::vector<std::string>> Readings(const Groups& groups) {
  std::vector<std::vector<std::string>> readings;
  if (groups.digits.empty()) return readings;
  const size_t whole = WholeGroups(groups);
  const bool is_quantity = IsQuantity(groups);
  if (is_quantity && whole > 1) readings.push_back(Joined(groups, whole));
  // Thousands and decimals by the same sign are no number.
  if (!is_quantity || groups.digits.size() <= 2) {
    readings.push_back(groups.digits);
  }
  return readings;
}

bool HasLetter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalpha(c); });
}

// Changes between digits and letters.
int NumChanges(absl::string_view text) {
  int changes = 0;
  char last = 0;
  for (char c : text) {
    if (!absl::ascii_isalnum(c)) continue;
    const char now = absl::ascii_isdigit(c) ? '0' : 'a';
    changes += last != 0 && now != last;
    last = now;
  }
  return changes;
}

size_t NumDigits(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), absl::ascii_isdigit));
}

// "a1b2c3d", "550e8400-e29b-41d4-a716-446655440000", "2024-Q3-FY25".
bool IsMixedName(absl::string_view text) {
  return HasLetter(text) && NumDigits(text) >= 3 && text.size() >= 7 &&
         NumChanges(text) >= 3;
}

// "5–10", "5~10": vocabularies often lack the sign.
bool IsRangeSign(int32_t c) {
  return (c >= 0x2012 && c <= 0x2015) || c == 0x2212 || c == '~' ||
         c == 0xFF5E || c == 0x301C;
}

// Runs of digits with one or two signs between them.
bool IsLongRun(absl::string_view match) {
  const Groups groups = GroupsOf(match);
  const size_t count = groups.digits.size();
  size_t total = 0;
  for (const std::string& digits : groups.digits) total += digits.size();
  if (count == 1) return total > kMaxShortDigits;
  const bool by_space = std::all_of(groups.separators.begin(),
                                    groups.separators.end(), IsSpaceSeparator);
  if (IsQuantity(groups)) {
    return count > 2 || by_space || total > kMaxShortDigits ||
           groups.separators[0] == '\'' || groups.separators[0] == 0x2019;
  }
  const bool is_called = match[0] == '+' || match[0] == '(' || match[0] == '0';
  if (is_called && total >= kMinNameDigits) return true;
  const bool is_range = std::any_of(groups.separators.begin(),
                                    groups.separators.end(), IsRangeSign);
  if (is_range) return true;
  const bool has_space =
      std::any_of(groups.separators.begin(), groups.separators.end(),
                  [](int32_t c) { return c == 0 || IsSpaceSeparator(c); });
  if (has_space) {  // of a card; "In 1999 200 000 came" is none
    return count > 2 && total >= 12 && by_space &&
           std::all_of(groups.digits.begin(), groups.digits.end() - 1,
                       [&](const std::string& digits) {
                         return digits.size() == groups.digits[0].size();
                       });
  }
  if (count > 2) return true;  // dates, times with seconds
  // "555-1234", not "1990-1995".
  return total >= kMinNameDigits - 1 &&
         groups.digits[0].size() != groups.digits[1].size();
}

bool IsWord(int32_t c) {
  // U+200D joins what stands on either side of it.
  return text::IsLetter(c) || IsNumber(c) || c == '_' || c == 0x200D ||
         (c >= 0 && (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0);
}

// Appends what `pattern` matches and `is_one` says is one.
template <typename IsOne>
void FindAll(const RE2& pattern, absl::string_view text, IsOne is_one,
             std::vector<Span>* spans) {
  const re2::StringPiece input(text.data(), text.size());
  re2::StringPiece found;
  for (size_t at = 0; at < text.size();) {
    if (!pattern.Match(input, at, text.size(), RE2::UNANCHORED, &found, 1)) {
      return;
    }
    const auto begin = static_cast<size_t>(found.data() - text.data());
    at = begin + std::max<size_t>(1, found.size());
    const ByteRange range{begin, begin + found.size()};
    if (is_one(range)) spans->push_back({range, SpanKind::kNumber});
  }
}

int32_t Before(absl::string_view text, size_t at) {
  return LastCharacter(text.substr(0, at)).code_point;
}
int32_t Behind(absl::string_view text, size_t at) {
  return FirstCharacter(text.substr(at)).code_point;
}

bool JoinsNumbers(int32_t c) {
  return c == '.' || c == ',' || c == ':' || c == '/' || c == '\'' ||
         c == 0x2019;
}

// What may be set aside, so that the number in front of it comes close: "5
// ℃,$5".
bool IsNumberOrSign(int32_t c) {
  return IsNumber(c) || (c >= 0 && (U_GET_GC_MASK(c) & U_GC_S_MASK) != 0);
}

// Of "a1b2c3.5" neither: a stand-in would become one number with its neighbour.
bool TouchesNumber(absl::string_view text, const ByteRange& range) {
  const Character before = LastCharacter(text.substr(0, range.begin));
  const Character behind = FirstCharacter(text.substr(range.end));
  return (JoinsNumbers(before.code_point) &&
          IsNumberOrSign(Before(text, range.begin - before.size))) ||
         (JoinsNumbers(behind.code_point) &&
          IsNumberOrSign(Behind(text, range.end + behind.size)));
}

bool StandsAlone(absl::string_view text, const ByteRange& range) {
  return !IsWord(Before(text, range.begin)) &&
         !IsWord(Behind(text, range.end)) && !TouchesNumber(text, range);
}

void FindShapes(absl::string_view text, std::vector<Span>* spans) {
  static const RE2* const pattern = new RE2(
      // 2024-03-15T10:30:00Z
      "\\d{4}-\\d{2}-\\d{2}(?:[T ]\\d{1,2}:\\d{2}(?::\\d{2}(?:[.,]\\d+)?)?"
      "(?: ?(?:Z\\b|[+-]\\d{2}:?\\d{2}\\b))?)?|"
      // DE89 3704 0044 0532 0130 00, GB29 NWBK 6016 1331 9268 19
      "[A-Z]{2}\\d{2} ?[A-Z0-9]{4}(?: ?\\d{4}){2,6}(?: ?\\d{1,3}\\b)?|"
      // 0x1F, 1h30m, 5'11", 52°31′12″N, 1.5e10, 1920x1080
      "0x[0-9A-Fa-f]+|0b[01]+|0o[0-7]+|\\d+[dh]\\d+(?:h|min|m)?(?:\\d+s)?|"
      "(?:\\d+°)?\\d+['′’]\\d+(?:[.,]\\d+)?[\"″”](?:[NSEWO]\\b)?|"
      "\\d+(?:\\.\\d+)?[eE][+-]?\\d+|"
      "\\d+(?:\\.\\d+)?(?:[x×]\\d+(?:\\.\\d+)?)+");
  FindAll(
      *pattern, text,
      [&](const ByteRange& range) { return StandsAlone(text, range); }, spans);
}

// "2 + 2 = 4", "3×10⁸".
void FindSums(absl::string_view text, std::vector<Span>* spans) {
  static const RE2* const pattern = new RE2(
      "\\d+(?:[.,]\\d+)*(?: ?[-+*×÷/=^·≈≠≤≥<>−] ?\\d+(?:[.,]\\d+)*)+"
      "[\\x{B2}\\x{B3}\\x{B9}\\x{2070}-\\x{2079}\\x{207B}]*");
  static const RE2* const sign = new RE2("[+*×÷=^·≈≠≤≥<>]");
  FindAll(
      *pattern, text,
      [&](const ByteRange& range) {
        return RE2::PartialMatch({text.data() + range.begin, range.size()},
                                 *sign) &&
               StandsAlone(text, range);
      },
      spans);
}

void FindMixedNames(absl::string_view text, std::vector<Span>* spans) {
  static const RE2* const pattern =
      new RE2("[0-9A-Za-z]+(?:[-:][0-9A-Za-z]+)*");
  FindAll(
      *pattern, text,
      [&](const ByteRange& range) {
        return IsMixedName(text.substr(range.begin, range.size())) &&
               StandsAlone(text, range);
      },
      spans);
}

// A word of letters alone.
bool IsUnitBehind(absl::string_view text, size_t at) {
  const absl::string_view word = text::FirstWord(text.substr(at));
  for (size_t i = 0; i < word.size();) {
    const Character c = FirstCharacter(word.substr(i));
    if (!text::IsLetter(c.code_point)) return false;
    i += c.size;
  }
  return !word.empty() && !IsNumber(Behind(text, at + word.size()));
}

void FindLongRuns(absl::string_view text, std::vector<Span>* spans) {
  static const RE2* const pattern = new RE2(
      "(?:\\+|\\()?\\d+(?:(?:\\) ?|[-/ \\x{A0}\\x{202F}\\x{2009}.,:'’]|"
      "[-/ "
      "]\\(|[\\x{2012}-\\x{2015}\\x{2212}~\\x{FF5E}\\x{301C}]|\\.\\.)\\d+)*");
  std::vector<Span> found;
  FindAll(
      *pattern, text,
      [&](const ByteRange& range) {
        const absl::string_view match = text.substr(range.begin, range.size());
        if (!IsLongRun(match)) return false;
        // "63,135.80m", but no part of a name.
        if (IsWord(Behind(text, range.end)) &&
            (!IsUnitBehind(text, range.end) || !IsQuantity(GroupsOf(match)))) {
          return false;
        }
        const int32_t before = Before(text, range.begin);
        if (IsWord(before) || TouchesNumber(text, range)) return false;
        return before != '-' || !IsWord(Before(text, range.begin - 1));
      },
      &found);
  for (Span& span : found) {
    // "(1234567)": the brackets are none of it.
    const absl::string_view match =
        text.substr(span.range.begin, span.range.size());
    if (match[0] == '(' && !absl::StrContains(match, ')')) ++span.range.begin;
    spans->push_back(span);
  }
}

// The locale's separators, or "" where ICU does not know the language.
struct Separators {
  std::string grouping;
  std::string decimal;
};

Separators SeparatorsOf(absl::string_view language) {
  Separators separators;
  // Also "deu_Latn".
  const icu::Locale locale = icu::Locale::createCanonical(
      absl::StrReplaceAll(language, {{"-", "_"}}).c_str());
  if (language.empty() || locale.getISO3Language()[0] == '\0') {
    return separators;
  }
  UErrorCode error = U_ZERO_ERROR;
  const icu::DecimalFormatSymbols symbols(locale, error);
  if (U_FAILURE(error)) return separators;
  symbols.getSymbol(icu::DecimalFormatSymbols::kGroupingSeparatorSymbol)
      .toUTF8String(separators.grouping);
  symbols.getSymbol(icu::DecimalFormatSymbols::kDecimalSeparatorSymbol)
      .toUTF8String(separators.decimal);
  return separators;
}

bool IsSeparator(int32_t c, absl::string_view wanted) {
  const int32_t is = FirstCharacter(wanted).code_point;
  return c == is || (IsSpaceSeparator(c) && IsSpaceSeparator(is)) ||
         (c == '\'' && is == 0x2019);
}

}  // namespace

std::string DigitsOf(absl::string_view number) {
  std::string digits;
  for (size_t at = 0; at < number.size();) {
    const Character c = FirstCharacter(number.substr(at));
    const int32_t value =
        c.code_point < 0 ? -1 : u_charDigitValue(c.code_point);
    if (value >= 0) digits.push_back(static_cast<char>('0' + value));
    at += c.size;
  }
  return digits;
}

bool SameNumber(absl::string_view source, absl::string_view target) {
  if (source == target) return true;
  if (HasLetter(source) || HasLetter(target)) return false;
  const Groups a = GroupsOf(source);
  const Groups b = GroupsOf(target);
  if (a.digits.empty()) return false;
  for (const auto& of_source : Readings(a)) {
    for (const auto& of_target : Readings(b)) {
      if (of_source == of_target) return true;
    }
  }
  return false;
}

std::vector<Span> FindLongNumbers(absl::string_view text) {
  std::vector<Span> spans;
  if (std::none_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    return spans;
  }
  FindShapes(text, &spans);
  FindSums(text, &spans);
  FindMixedNames(text, &spans);
  FindLongRuns(text, &spans);
  SortAndSeparate(&spans);
  return spans;
}

std::vector<Span> FindAmounts(absl::string_view text) {
  // -$5.50, US$5, € 10-20, £3.5bn, 50 ₽, 1 000,50 zł is none.
  static const RE2* const pattern = new RE2(
      "(?:\\b[A-Z]{1,3})?[-−]?\\p{Sc}[ \\x{A0}]?[-−]?"
      "\\d+(?:[.,'’\\x{A0}\\x{202F}]\\d+)*(?:[-–]\\d+(?:[.,]\\d+)*)?"
      "(?:[kKmMbB]n?\\b)?|"
      "[-−]?\\d+(?:[.,'’\\x{A0}\\x{202F}]\\d+)*(?:[-–]\\d+(?:[.,]\\d+)*)?"
      "[ \\x{A0}\\x{202F}]?\\p{Sc}");
  std::vector<Span> spans;
  if (std::none_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    return spans;
  }
  FindAll(
      *pattern, text,
      [&](const ByteRange& range) { return StandsAlone(text, range); }, &spans);
  return spans;
}

absl::flat_hash_set<std::string> DigitRuns(absl::string_view text) {
  absl::flat_hash_set<std::string> runs;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && absl::ascii_isdigit(text[end])) ++end;
    if (end > at) runs.emplace(text.substr(at, end - at));
    at = end + 1;
  }
  return runs;
}

std::string StandIn(absl::flat_hash_set<std::string>* taken) {
  // Far from one another, none a part of another's digits in a row.
  for (int step = 0; step < 90; ++step) {
    const std::string number = absl::StrCat(10 + (37 + step * 41) % 90);
    if (number[1] != '0' && taken->insert(number).second) return number;
  }
  for (int number = 101;; ++number) {
    if (taken->insert(absl::StrCat(number)).second) return absl::StrCat(number);
  }
}

std::string InLanguage(absl::string_view number, absl::string_view from,
                       absl::string_view to) {
  // Of "$1,234.5" what is between the first digit and the last.
  const size_t begin = number.find_first_of("0123456789");
  if (begin == absl::string_view::npos) return std::string(number);
  const size_t end = number.find_last_of("0123456789") + 1;
  if (begin > 0 || end < number.size()) {
    return absl::StrCat(number.substr(0, begin),
                        InLanguage(number.substr(begin, end - begin), from, to),
                        number.substr(end));
  }
  const Groups groups = GroupsOf(number);
  if (HasLetter(number) || !IsQuantity(groups)) return std::string(number);
  const Separators source = SeparatorsOf(from);
  const Separators target = SeparatorsOf(to);
  if (source.decimal.empty() || target.decimal.empty()) {
    return std::string(number);
  }
  std::string result = groups.digits[0];
  for (size_t i = 1; i < groups.digits.size(); ++i) {
    const int32_t separator = groups.separators[i - 1];
    const bool is_last = i + 1 == groups.digits.size();
    if (is_last && IsSeparator(separator, source.decimal)) {
      result += target.decimal;
    } else if (IsSeparator(separator, source.grouping) &&
               groups.digits[i].size() == 3) {
      result += target.grouping;
    } else {
      return std::string(number);
    }
    result += groups.digits[i];
  }
  return result;
}

}  // namespace peregrine::document
