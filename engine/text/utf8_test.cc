#include "engine/text/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace peregrine::text {
namespace {

// As the standard defines it, by decoding: independent of the tables tested.
bool IsWellFormed(absl::string_view bytes) {
  if (bytes.empty()) return false;
  const auto lead = static_cast<unsigned char>(bytes[0]);
  std::size_t size = 0;
  std::uint32_t code_point = 0;
  if (lead < 0x80) {
    return bytes.size() == 1;
  } else if (lead >> 5 == 6) {
    size = 2;
    code_point = lead & 0x1F;
  } else if (lead >> 4 == 14) {
    size = 3;
    code_point = lead & 0x0F;
  } else if (lead >> 3 == 30) {
    size = 4;
    code_point = lead & 0x07;
  }
  if (size != bytes.size()) return false;
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (byte >> 6 != 2) return false;
    code_point = code_point << 6 | (byte & 0x3F);
  }
  const std::uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
  return code_point >= lowest[size] && code_point <= 0x10FFFF && !surrogate;
}

TEST(Utf8CharLengthTest, AgreesWithDecodingOnAllShortSequences) {
  for (int size = 1; size <= 4; ++size) {
    // All leads and second bytes; of the rest the edges.
    const unsigned char rest[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
    for (int lead = 0; lead < 256; ++lead) {
      for (int second = 0; second < 256; ++second) {
        for (const unsigned char third : rest) {
          for (const unsigned char fourth : rest) {
            std::string bytes = {
                static_cast<char>(lead), static_cast<char>(second),
                static_cast<char>(third), static_cast<char>(fourth)};
            bytes.resize(size);
            int expected = 0;
            for (int length = 1; length <= size; ++length) {
              if (IsWellFormed(absl::string_view(bytes).substr(0, length))) {
                expected = length;
              }
            }
            ASSERT_EQ(Utf8CharLength(bytes), expected)
                << lead << " " << second << " " << int{third};
          }
        }
      }
    }
  }
}

TEST(Utf8PrefixTest, EndsBetweenCharacters) {
  const absl::string_view text = "aä鳥🐦";  // of 1, 2, 3 and 4 bytes
  const std::size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
  for (std::size_t most = 0; most < std::size(expected); ++most) {
    EXPECT_EQ(Utf8Prefix(text, most), text.substr(0, expected[most])) << most;
  }
  EXPECT_EQ(Utf8Prefix("", 0), "");
  EXPECT_EQ(Utf8Prefix("\x80\x80\x80", 2), "") << "not well-formed, but no end";
}

TEST(CountUtf8CharactersTest, CountsCharacters) {
  EXPECT_EQ(CountUtf8Characters(""), 0u);
  EXPECT_EQ(CountUtf8Characters("aä鳥🐦"), 4u);
}

TEST(FindInvalidUtf8Test, AcceptsWellFormedText) {
  EXPECT_EQ(FindInvalidUtf8(""), absl::nullopt);
  EXPECT_EQ(FindInvalidUtf8(absl::string_view("a\0b", 3)), absl::nullopt);
  EXPECT_EQ(FindInvalidUtf8("häßlich 鳥 🐦 and more than sixteen bytes"),
            absl::nullopt);
}

TEST(FindInvalidUtf8Test, FindsTheFirstBadSequenceAtEveryOffset) {
  for (std::size_t offset = 0; offset < 40; ++offset) {
    for (const char* bad : {"\xFF", "\x80", "\xC3", "\xC0\x80", "\xED\xA0\x80",
                            "\xF4\x90\x80\x80", "\xE2\x82"}) {
      const std::string before(offset, 'x');
      EXPECT_EQ(FindInvalidUtf8(before + bad), offset);
      EXPECT_EQ(FindInvalidUtf8(before + "ä" + bad + "tail \xFF"), offset + 2);
    }
  }
}

}  // namespace
}  // namespace peregrine::text
