#ifndef PEREGRINE_ENGINE_TEXT_UTF8_H_
#define PEREGRINE_ENGINE_TEXT_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace peregrine::text {

// The bytes of the well-formed UTF-8 character at the start of `text`, 1 to 4;
// 0 if `text` is empty or starts with anything else: a stray continuation byte,
// an overlong form, a surrogate, a value above U+10FFFF, a cut-off character.
int Utf8CharLength(absl::string_view text);

// The bytes of the character that starts with `lead` in text known to be
// well-formed; 1 for a byte that starts none.
inline int Utf8CharLengthFromLead(unsigned char lead) {
  if (lead < 0xC0) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

// Whether a byte of well-formed text is inside a character, not at its start.
inline bool IsUtf8Continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// The beginning of well-formed `text` that has at most `max_bytes` and ends
// between characters.
absl::string_view Utf8Prefix(absl::string_view text, std::size_t max_bytes);

// How many characters well-formed `text` has.
std::size_t CountUtf8Characters(absl::string_view text);

// The byte offset of the first sequence that is not well-formed UTF-8, or
// nullopt if the whole of `text` is. An embedded NUL is a valid character.
absl::optional<std::size_t> FindInvalidUtf8(absl::string_view text);

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_UTF8_H_
