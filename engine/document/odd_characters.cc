#include "engine/document/odd_characters.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "engine/text/characters.h"

namespace peregrine::document {
namespace {

using text::Character;
using text::FirstCharacter;
using text::LastCharacter;

// Letters in front of a small digit that are a unit or an element: "cm²".
constexpr int kMaxUnitLetters = 3;

bool IsSmallDigit(int32_t c) {
  return c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0x2070 && c <= 0x2079);
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x80;
  });
}

// Whether a note may be meant behind `before`: a long word, or punctuation
// behind one.
bool MayHaveNote(absl::string_view before) {
  Character c = LastCharacter(before);
  if (c.code_point >= 0 && u_ispunct(c.code_point)) {
    before.remove_suffix(c.size);
    return text::IsLetter(LastCharacter(before).code_point);
  }
  int letters = 0;
  while (text::IsLetter(c.code_point) && letters <= kMaxUnitLetters) {
    before.remove_suffix(c.size);
    c = LastCharacter(before);
    ++letters;
  }
  return letters > kMaxUnitLetters;
}

}  // namespace

bool IsOddForm(int32_t c) {
  if (c < 0x80 || c == 0xAA || c == 0xBA) return false;  // "1º"
  const uint32_t category = U_GET_GC_MASK(c);
  if ((category & (U_GC_N_MASK | U_GC_Z_MASK)) != 0) return false;
  switch (u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE)) {
    case U_DT_FONT:
    case U_DT_SUPER:
    case U_DT_SUB:
    case U_DT_CIRCLE:
    case U_DT_SQUARE:
      return true;
    case U_DT_COMPAT:
      return (category & U_GC_S_MASK) != 0;
    default:
      return false;
  }
}

std::vector<ByteRange> FindOddForms(
    absl::string_view text,
    const std::function<bool(absl::string_view character)>& keeps) {
  std::vector<ByteRange> found;
  if (IsAscii(text)) return found;
  for (size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    if (IsOddForm(c.code_point) && !keeps(text.substr(at, c.size))) {
      if (!found.empty() && found.back().end == at) {
        found.back().end += c.size;
      } else {
        found.push_back({at, at + c.size});
      }
    }
    at += c.size;
  }
  return found;
}

std::vector<ByteRange> FindNoteMarks(absl::string_view text) {
  std::vector<ByteRange> found;
  if (IsAscii(text)) return found;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    while (IsSmallDigit(FirstCharacter(text.substr(at)).code_point)) {
      at += FirstCharacter(text.substr(at)).size;
    }
    if (at == begin) {
      at += FirstCharacter(text.substr(at)).size;
    } else if (MayHaveNote(text.substr(0, begin)) &&
               !text::IsLetter(FirstCharacter(text.substr(at)).code_point)) {
      found.push_back({begin, at});
    }
  }
  return found;
}

bool IsInvisible(int32_t c) {
  return c == 0x200B || c == 0x200E || c == 0x200F || c == 0x2060 ||
         c == 0xFEFF || c == 0x61C || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2066 && c <= 0x2069);
}

}  // namespace peregrine::document
