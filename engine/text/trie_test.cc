#include "engine/text/trie.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace peregrine::text {
namespace {

Trie MakeTrie(const std::map<std::string, std::int32_t>& keys) {
  std::vector<Trie::Entry> entries;
  for (const auto& [key, value] : keys) {
    entries.push_back({key, value, static_cast<float>(value) / 2});
  }
  return Trie(entries);
}

TEST(TrieTest, HasNothingWhenEmpty) {
  const Trie trie;
  EXPECT_TRUE(trie.empty());
  EXPECT_EQ(trie.value(Trie::kRoot), Trie::kNoValue);
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(trie.Step(Trie::kRoot, static_cast<char>(byte)), Trie::kNoNode);
  }
  EXPECT_EQ(trie.LongestPrefix("text"), 0);
}

TEST(TrieTest, StaysAtNoNode) {
  const Trie trie = MakeTrie({{"a", 0}});
  EXPECT_EQ(trie.Step(Trie::kNoNode, 'a'), Trie::kNoNode);
  EXPECT_EQ(trie.Walk(Trie::kNoNode, "a"), Trie::kNoNode);
  EXPECT_EQ(trie.Walk(Trie::kNoNode, ""), Trie::kNoNode);
  EXPECT_EQ(trie.value(Trie::kNoNode), Trie::kNoValue);
}

TEST(TrieTest, FindsTheLongestPrefix) {
  const Trie trie = MakeTrie({{"a", 1}, {"abc", 2}});
  EXPECT_EQ(trie.LongestPrefix("abcd"), 3);
  EXPECT_EQ(trie.LongestPrefix("abd"), 1);
  EXPECT_EQ(trie.LongestPrefix("ba"), 0);
  EXPECT_EQ(trie.LongestPrefix(""), 0);
}

// Against a map, over few letters (many shared prefixes) and over all bytes,
// NUL included (nodes with up to 256 children).
TEST(TrieTest, AgreesWithAMap) {
  std::mt19937 random(7);
  for (const int num_letters : {2, 5, 256}) {
    std::map<std::string, std::int32_t> keys;
    const auto random_text = [&] {
      std::string text(1 + random() % 8, '\0');
      for (char& byte : text) byte = static_cast<char>(random() % num_letters);
      return text;
    };
    for (std::int32_t value = 0; value < 20000; ++value) {
      keys.emplace(random_text(), value);
    }
    const Trie trie = MakeTrie(keys);
    for (const auto& [key, value] : keys) {
      const Trie::Node node = trie.Walk(Trie::kRoot, key);
      ASSERT_EQ(trie.value(node), value);
      ASSERT_EQ(trie.score(node), static_cast<float>(value) / 2);
    }
    for (int i = 0; i < 20000; ++i) {
      const std::string text = random_text();
      const auto it = keys.find(text);
      ASSERT_EQ(trie.value(trie.Walk(Trie::kRoot, text)),
                it == keys.end() ? Trie::kNoValue : it->second);
    }
  }
}

TEST(TrieTest, HoldsVeryLongKeys) {
  const std::string key(1'000'000, 'x');
  const Trie trie = MakeTrie({{key, 5}, {key.substr(0, 999'999) + "y", 6}});
  EXPECT_EQ(trie.value(trie.Walk(Trie::kRoot, key)), 5);
  EXPECT_EQ(trie.LongestPrefix(key + key), 1'000'000);
}

}  // namespace
}  // namespace peregrine::text
