#include "engine/document/span_edges.h"

#include <unicode/uchar.h>

#include "absl/strings/match.h"
#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;
using text::LastCharacter;

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

bool IsFormat(const Character& c) {
  return c.code_point >= 0 && u_charType(c.code_point) == U_FORMAT_CHAR;
}

// A sign that means nothing without the number in front of it.
bool IsUnitSign(int32_t c) {
  return c == '%' || c == 0xB0 || c == 0x2030 ||
         (c >= 0 && u_charType(c) == U_CURRENCY_SYMBOL);
}

// Over brackets and quotation marks that hold nothing else.
void TakeBrackets(absl::string_view text, ByteRange* range) {
  for (;;) {
    const Character open = LastCharacter(text.substr(0, range->begin));
    const Character close = FirstCharacter(text.substr(range->end));
    if (!IsOpener(open.code_point) ||
        !IsCloserOf(open.code_point, close.code_point)) {
      return;
    }
    range->begin -= open.size;
    range->end += close.size;
  }
}

}  // namespace

bool IsWordCharacter(int32_t c) {
  return c == '_' ||
         (c >= 0 && (u_isalnum(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0));
}

void WidenToWord(absl::string_view text, ByteRange* range) {
  const auto joins = [](int32_t c) {
    return HoldsTogether(c) || c == '-' || c == '.' || c == '\'' || c == 0x2019;
  };
  const auto last = [&] { return LastCharacter(text.substr(0, range->begin)); };
  if (HoldsTogether(last().code_point)) {
    while (joins(last().code_point) ||
           IsInsideNumber(text, range->begin - last().size)) {
      range->begin -= last().size;
    }
  }
  size_t end = range->end;
  while (end < text.size() &&
         (joins(FirstCharacter(text.substr(end)).code_point) ||
          IsInsideNumber(text, end))) {
    end += FirstCharacter(text.substr(end)).size;
  }
  // A quotation mark or a dash at the end is none of the word.
  while (end > range->end &&
         !HoldsTogether(LastCharacter(text.substr(0, end)).code_point)) {
    end -= LastCharacter(text.substr(0, end)).size;
  }
  range->end = end;
}

void Widen(absl::string_view text, Span* span) {
  ByteRange& range = span->range;
  const bool is_markup = text[range.begin] == '<' || text[range.begin] == '\\';
  if (span->kind != SpanKind::kEmoji && !is_markup) WidenToWord(text, &range);
  const Character behind = FirstCharacter(text.substr(range.end));
  if (span->kind == SpanKind::kPlaceholder && !is_markup &&
      IsUnitSign(behind.code_point)) {
    range.end += behind.size;
  }
  // Marks of direction around what the vocabulary does not know.
  while (IsFormat(LastCharacter(text.substr(0, range.begin)))) {
    range.begin -= LastCharacter(text.substr(0, range.begin)).size;
  }
  while (IsFormat(FirstCharacter(text.substr(range.end)))) {
    range.end += FirstCharacter(text.substr(range.end)).size;
  }
  TakeBrackets(text, &range);
}

}  // namespace peregrine::document
