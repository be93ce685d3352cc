#include "engine/text/characters.h"

#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

namespace peregrine::text {

Character FirstCharacter(absl::string_view text) {
  if (text.empty()) return {};
  if (static_cast<unsigned char>(text[0]) < 0x80) return {text[0], 1};
  // A character has four bytes at most: longer texts need no longer look.
  const auto size = static_cast<int32_t>(text.size() < 8 ? text.size() : 8);
  Character character;
  int32_t at = 0;
  U8_NEXT(text.data(), at, size, character.code_point);
  character.size = static_cast<std::size_t>(at);
  return character;
}

Character LastCharacter(absl::string_view text) {
  if (text.empty()) return {};
  const absl::string_view tail =
      text.size() > 8 ? text.substr(text.size() - 8) : text;
  Character character;
  auto at = static_cast<int32_t>(tail.size());
  U8_PREV(tail.data(), 0, at, character.code_point);
  character.size = tail.size() - static_cast<std::size_t>(at);
  return character;
}

bool IsSpace(int32_t c) { return c >= 0 && u_isUWhiteSpace(c); }

bool IsLineBreak(int32_t c) {
  return (c >= 0x0A && c <= 0x0D) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool IsLetter(int32_t c) { return c >= 0 && u_isalpha(c); }

bool IsUpper(int32_t c) { return c >= 0 && (u_isupper(c) || u_istitle(c)); }

bool IsLower(int32_t c) { return c >= 0 && u_islower(c) && u_totitle(c) != c; }

bool IsDigit(int32_t c) { return c >= 0 && u_isdigit(c); }

bool IsDash(int32_t c) { return c >= 0 && u_charType(c) == U_DASH_PUNCTUATION; }

bool IsInvisible(int32_t c) { return c >= 0 && u_charType(c) == U_FORMAT_CHAR; }

bool IsEmoji(int32_t c) {
  if (c < 0x203C) return c == 0x200D;
  return u_hasBinaryProperty(c, UCHAR_EMOJI_PRESENTATION) ||
         u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) ||
         (u_hasBinaryProperty(c, UCHAR_EXTENDED_PICTOGRAPHIC) && c > 0x213F) ||
         c == 0xFE0F;
}

bool IsHanOrKana(int32_t c) {
  if (c < 0x2E80) return false;
  UErrorCode status = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(c, &status);
  return script == USCRIPT_HAN || script == USCRIPT_HIRAGANA ||
         script == USCRIPT_KATAKANA || c == 0x30FC;
}

absl::string_view TrimLeft(absl::string_view text) {
  for (Character c = FirstCharacter(text); IsSpace(c.code_point);
       c = FirstCharacter(text)) {
    text.remove_prefix(c.size);
  }
  return text;
}

absl::string_view TrimRight(absl::string_view text) {
  for (Character c = LastCharacter(text); IsSpace(c.code_point);
       c = LastCharacter(text)) {
    text.remove_suffix(c.size);
  }
  return text;
}

absl::string_view Trim(absl::string_view text) {
  return TrimRight(TrimLeft(text));
}

absl::string_view FirstWord(absl::string_view text) {
  std::size_t end = 0;
  while (end < text.size()) {
    const Character c = FirstCharacter(text.substr(end));
    const bool is_word =
        c.code_point >= 0 && (u_isalnum(c.code_point) ||
                              (end > 0 && (U_GET_GC_MASK(c.code_point) &
                                           (U_GC_M_MASK | U_GC_CF_MASK)) != 0));
    if (!is_word) break;
    end += c.size;
  }
  return text.substr(0, end);
}

bool HasLetter(absl::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    if (IsLetter(c.code_point)) return true;
    at += c.size;
  }
  return false;
}

std::string Lower(absl::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    if (c.code_point < 0) {
      lower.append(text.data() + at, c.size);
    } else if (c.code_point < 0x80) {
      lower.push_back(static_cast<char>(u_tolower(c.code_point)));
    } else {
      char bytes[U8_MAX_LENGTH];
      int32_t size = 0;
      U8_APPEND_UNSAFE(bytes, size, u_tolower(c.code_point));
      lower.append(bytes, static_cast<std::size_t>(size));
    }
    at += c.size;
  }
  return lower;
}

std::string WithoutInvisible(absl::string_view text) {
  std::string seen;
  seen.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Character c = FirstCharacter(text.substr(at));
    if (!IsInvisible(c.code_point)) seen.append(text.data() + at, c.size);
    at += c.size;
  }
  return seen;
}

}  // namespace peregrine::text
