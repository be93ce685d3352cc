#include "engine/text/charsmap.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/base/damage.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

// A unit of the trie; see charsmap.h. `distance` is below 2^21.
std::uint32_t Unit(char label, bool has_value, std::uint32_t distance) {
  return distance << 10 | (has_value ? 1U << 8 : 0) |
         static_cast<unsigned char>(label);
}
std::uint32_t Value(std::uint32_t value) { return value | 1U << 31; }

std::string LittleEndian(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i)
    bytes.push_back(static_cast<char>(value >> 8 * i));
  return bytes;
}

std::string Blob(const std::vector<std::uint32_t>& units,
                 const std::string& replacements) {
  std::string blob = LittleEndian(static_cast<std::uint32_t>(units.size() * 4));
  for (const std::uint32_t unit : units) blob += LittleEndian(unit);
  return blob + replacements;
}

// The root's children are at their byte XOR 256; a's value and children at 512
// and its byte XOR 512. Rules: "a" and "ab".
std::vector<std::uint32_t> TwoRules(std::uint32_t a, std::uint32_t ab) {
  std::vector<std::uint32_t> units(1024, Unit('\xFF', false, 0));
  units[0] = Unit('\0', false, 256);
  units[256 ^ 'a'] = Unit('a', true, 256 ^ 'a' ^ 512);
  units[512] = Value(a);
  units[512 ^ 'b'] = Unit('b', true, 512 ^ 'b' ^ 768);
  units[768] = Value(ab);
  return units;
}

Charsmap ParseOrDie(const std::string& blob) {
  absl::StatusOr<Charsmap> charsmap = Charsmap::Parse(blob);
  EXPECT_TRUE(charsmap.ok()) << charsmap.status();
  return *std::move(charsmap);
}

TEST(CharsmapTest, HasNoRulesByDefault) {
  const Charsmap charsmap;
  EXPECT_TRUE(charsmap.empty());
  EXPECT_EQ(charsmap.LongestMatch("abc").length, 0);
  EXPECT_TRUE(charsmap.IsPlainAscii('a'));
  EXPECT_FALSE(charsmap.IsPlainAscii(0x80));
}

TEST(CharsmapTest, FindsTheLongestRule) {
  const Charsmap charsmap =
      ParseOrDie(Blob(TwoRules(0, 3), std::string("xy\0z\0", 5)));
  EXPECT_EQ(charsmap.LongestMatch("abc").length, 2);
  EXPECT_EQ(charsmap.LongestMatch("abc").replacement, "z");
  EXPECT_EQ(charsmap.LongestMatch("ac").length, 1);
  EXPECT_EQ(charsmap.LongestMatch("ac").replacement, "xy");
  EXPECT_EQ(charsmap.LongestMatch("b").length, 0);
  EXPECT_EQ(charsmap.LongestMatch("").length, 0);
  EXPECT_FALSE(charsmap.IsPlainAscii('a'));
  EXPECT_TRUE(charsmap.IsPlainAscii('b'));
}

TEST(CharsmapTest, IgnoresRulesThatLeadNowhere) {
  // Past the replacements; into the middle of a character.
  const std::string replacements("\xC3\xA4\0", 3);
  for (const std::uint32_t value : {3U, 4U, 0x7FFFFFFFU, 1U}) {
    const Charsmap charsmap =
        ParseOrDie(Blob(TwoRules(value, value), replacements));
    EXPECT_EQ(charsmap.LongestMatch("ab").length, 0) << value;
  }
  // Children and values outside the trie.
  std::vector<std::uint32_t> units = TwoRules(0, 0);
  units[256 ^ 'a'] = Unit('a', true, (1U << 21) - 1);
  EXPECT_EQ(ParseOrDie(Blob(units, replacements)).LongestMatch("ab").length, 0);
  units[0] = 0xFFFFFE00;
  EXPECT_EQ(ParseOrDie(Blob(units, replacements)).LongestMatch("ab").length, 0);
  EXPECT_EQ(
      ParseOrDie(Blob({0xFFFFFFFF}, replacements)).LongestMatch("a").length, 0);
}

// A node that is its own child would match text of any length and take as long.
TEST(CharsmapTest, BoundsTheTimeOfCircularTries) {
  std::vector<std::uint32_t> units = TwoRules(0, 0);
  units[256 ^ 'a'] = Unit('a', true, 0);
  units[0] = Unit('\0', false, 256 ^ 'a' ^ 'a');
  const Charsmap charsmap = ParseOrDie(Blob(units, std::string("x\0", 2)));
  EXPECT_LE(charsmap.LongestMatch(std::string(100000, 'a')).length, 1024);
}

TEST(CharsmapTest, SurvivesRandomTries) {
  std::mt19937 random(11);
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<std::uint32_t> units(256 * (1 + random() % 4));
    for (std::uint32_t& unit : units) unit = random();
    for (int byte = 0; byte < 256; ++byte) {
      units[byte] = (units[byte] & 0x3FF00) | static_cast<unsigned>(byte);
    }
    const Charsmap charsmap =
        ParseOrDie(Blob(units, std::string("x\xC3\xA4\0\0yz\0", 7)));
    for (int i = 0; i < 200; ++i) {
      std::string text(random() % 8, '\0');
      for (char& byte : text) byte = static_cast<char>(random());
      const Charsmap::Match match = charsmap.LongestMatch(text);
      ASSERT_LE(match.length, static_cast<int>(text.size()));
      ASSERT_EQ(FindInvalidUtf8(match.replacement), absl::nullopt);
    }
  }
}

TEST(CharsmapTest, RefusesDamagedBlobs) {
  const std::string good = Blob(TwoRules(0, 0), std::string("x\0", 2));
  ASSERT_TRUE(Charsmap::Parse(good).ok());
  // Without the last byte, the end of a text, it is good, too.
  ForEachBeginning(
      good.substr(0, good.size() - 1),
      [](const std::string& beginning) {
        EXPECT_EQ(Charsmap::Parse(beginning).status().code(),
                  absl::StatusCode::kInvalidArgument)
            << beginning.size();
      },
      /*step=*/7);
  for (const std::uint32_t trie_bytes : {0U, 1U, 6U, 5000U, 0xFFFFFFFCU}) {
    EXPECT_FALSE(
        Charsmap::Parse(LittleEndian(trie_bytes) + good.substr(4)).ok())
        << trie_bytes;
  }
  EXPECT_FALSE(Charsmap::Parse(Blob(TwoRules(0, 0), "x\xFF")).ok());
  EXPECT_FALSE(
      Charsmap::Parse(Blob(TwoRules(0, 0), std::string(100000, 'x'))).ok());
}

}  // namespace
}  // namespace peregrine::text
