#include "engine/text/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace peregrine::text {
namespace {

// Whether `byte` may follow the lead byte: the Unicode Standard's table 3-7,
// which excludes overlong forms, surrogates and values above U+10FFFF.
bool IsSecondByte(unsigned char lead, unsigned char byte) {
  switch (lead) {
    case 0xE0:
      return byte >= 0xA0 && byte <= 0xBF;
    case 0xED:
      return byte >= 0x80 && byte <= 0x9F;
    case 0xF0:
      return byte >= 0x90 && byte <= 0xBF;
    case 0xF4:
      return byte >= 0x80 && byte <= 0x8F;
    default:
      return IsUtf8Continuation(byte);
  }
}

int LengthFromLead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead <= 0xF4 ? 4 : 0;
}

// Bytes at the start of `text` that are ASCII, in steps of 8.
std::size_t AsciiPrefix(absl::string_view text) {
  std::size_t offset = 0;
  while (text.size() - offset >= sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + offset, sizeof(word));
    if ((word & 0x8080808080808080u) != 0) break;
    offset += sizeof(word);
  }
  return offset;
}

}  // namespace

int Utf8CharLength(absl::string_view text) {
  if (text.empty()) return 0;
  const unsigned char lead = static_cast<unsigned char>(text[0]);
  const int length = LengthFromLead(lead);
  if (length <= 1) return length;
  if (text.size() < static_cast<std::size_t>(length)) return 0;
  if (!IsSecondByte(lead, static_cast<unsigned char>(text[1]))) return 0;
  for (int i = 2; i < length; ++i) {
    if (!IsUtf8Continuation(static_cast<unsigned char>(text[i]))) return 0;
  }
  return length;
}

absl::optional<std::size_t> FindInvalidUtf8(absl::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    offset += AsciiPrefix(text.substr(offset));
    if (offset == text.size()) break;
    const int length = Utf8CharLength(text.substr(offset));
    if (length == 0) return offset;
    offset += static_cast<std::size_t>(length);
  }
  return absl::nullopt;
}

absl::string_view Utf8Prefix(absl::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t size = max_bytes;
  while (size > 0 && IsUtf8Continuation(text[size])) --size;
  return text.substr(0, size);
}

std::size_t CountUtf8Characters(absl::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(
                           text.begin(), text.end(), IsUtf8Continuation));
}

}  // namespace peregrine::text
