#ifndef PEREGRINE_ENGINE_TEXT_CHARACTERS_H_
#define PEREGRINE_ENGINE_TEXT_CHARACTERS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// Unicode characters of UTF-8 text, and what ICU knows of them.
namespace peregrine::text {

// A character and its bytes. A byte that is not UTF-8 is a character of its
// own with a negative code point.
struct Character {
  int32_t code_point = -1;
  std::size_t size = 0;  // 0: none left
};

Character FirstCharacter(absl::string_view text);
Character LastCharacter(absl::string_view text);

// All of these are false for a negative code point.
bool IsSpace(int32_t code_point);      // White_Space: also U+00A0, U+3000
bool IsLineBreak(int32_t code_point);  // LF, VT, FF, CR, NEL, U+2028, U+2029
bool IsLetter(int32_t code_point);
bool IsUpper(int32_t code_point);  // title case, too
// A letter that is written as a capital at the start of a sentence: not of
// Georgian, say.
bool IsLower(int32_t code_point);
bool IsDigit(int32_t code_point);  // of any script
bool IsDash(int32_t code_point);
// Takes no place: soft hyphens, U+200B, U+FEFF, marks of direction.
bool IsInvisible(int32_t code_point);
bool IsEmoji(int32_t code_point);  // shown as a picture by default, or a part
// Chinese and Japanese, which put no space between sentences; not Hangul.
bool IsHanOrKana(int32_t code_point);

absl::string_view TrimLeft(absl::string_view text);
absl::string_view TrimRight(absl::string_view text);
absl::string_view Trim(absl::string_view text);

// The letters and digits at the start of `text`, with the marks on them and
// what is invisible between.
absl::string_view FirstWord(absl::string_view text);

bool HasLetter(absl::string_view text);

// Letter by letter, without the rules of any language: to compare words.
std::string Lower(absl::string_view text);

std::string WithoutInvisible(absl::string_view text);

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_CHARACTERS_H_
