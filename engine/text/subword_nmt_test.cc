#include "engine/text/subword_nmt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace peregrine::text {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What the package subword-nmt makes of made-up lines in several scripts:
// tests/formats/subword_nmt_golden.py.
nlohmann::json ReadGolden() {
  std::ifstream file(std::string(PEREGRINE_SOURCE_DIR) +
                     "/engine/text/testdata/subword_nmt.json");
  return nlohmann::json::parse(file);
}

std::shared_ptr<const SubwordNmtCodes> Codes(const std::string& text) {
  auto codes = SubwordNmtCodes::Parse(text, "x.codes");
  EXPECT_TRUE(codes.ok()) << codes.status();
  return *std::move(codes);
}

std::string Error(const std::string& text) {
  return std::string(
      SubwordNmtCodes::Parse(text, "x.codes").status().message());
}

TEST(SubwordNmtTest, SplitsLikeTheReference) {
  const nlohmann::json golden = ReadGolden();
  ASSERT_EQ(golden.size(), 2u);  // versions
  for (const nlohmann::json& one : golden) {
    const auto codes = Codes(one["codes"]);
    ASSERT_GT(one["lines"].size(), 100u);
    for (const nlohmann::json& line : one["lines"]) {
      const auto text = line[0].get<std::string>();
      std::vector<std::string> pieces;
      for (absl::string_view word :
           absl::StrSplit(text, ' ', absl::SkipEmpty())) {
        for (std::string& piece : codes->Split(word)) {
          pieces.push_back(std::move(piece));
        }
      }
      EXPECT_EQ(absl::StrJoin(pieces, " "), line[1].get<std::string>()) << text;
    }
  }
}

TEST(SubwordNmtTest, EncodesAndDecodes) {
  const auto codes = Codes("#version: 0.2\nl o\nlo w</w>\ne r</w>\n");
  const auto vocabulary = std::make_shared<const Vocabulary>(
      std::vector<std::string>{"<s>", "<pad>", "</s>", "<unk>", "low", "lo@@",
                               "w@@", "er", "a"},
      3, absl::flat_hash_set<int32_t>{0, 1, 2});
  const SubwordNmtTokenizer tokenizer(vocabulary, codes);
  EXPECT_THAT(tokenizer.Encode(" low  lower\ta z\n"),
              ElementsAre(4, 5, 6, 7, 8, 3));
  EXPECT_EQ(tokenizer.Decode({0, 4, 5, 6, 7, 8, 2}), "low lower a");
  EXPECT_EQ(tokenizer.Decode({5}), "lo");
  EXPECT_EQ(tokenizer.Decode({99, -1}), "<unk> <unk>");
  const SubwordNmtTokenizer words(vocabulary, nullptr);
  EXPECT_THAT(words.Encode("low lower"), ElementsAre(4, 3));
}

TEST(SubwordNmtTest, TakesAnyBytes) {
  const auto codes = Codes("a b\nab a\n");
  const auto vocabulary = std::make_shared<const Vocabulary>(
      std::vector<std::string>{"<unk>", "\xef\xbf\xbd@@", "a"}, 0,
      absl::flat_hash_set<int32_t>{});
  const SubwordNmtTokenizer tokenizer(vocabulary, codes);
  EXPECT_THAT(tokenizer.Encode("\xff\x61"), ElementsAre(1, 2));
  EXPECT_THAT(tokenizer.Encode(""), IsEmpty());
  std::mt19937 random(1);
  std::string text(100000, '\0');
  for (char& c : text) c = "ab\xc3\xa9\xff"[random() % 5];
  EXPECT_FALSE(tokenizer.Encode(text).empty());
}

TEST(SubwordNmtTest, CutsLongWords) {
  const auto codes = Codes("a a\naa aa\n");
  const std::string word(2500, 'a');
  std::string joined;
  for (std::string piece : codes->Split(word)) {
    if (piece.size() > 2 && piece.substr(piece.size() - 2) == "@@") {
      piece.resize(piece.size() - 2);
    }
    joined += piece;
  }
  EXPECT_EQ(joined, word);
}

TEST(SubwordNmtTest, NamesTheLineThatIsWrong) {
  EXPECT_THAT(Error("#version: 0.3\na b\n"), HasSubstr("found version 0.3"));
  EXPECT_THAT(Error("#version: 0.2\na b c\n"),
              HasSubstr("x.codes: line 2: found 3 symbols, expected two"));
  EXPECT_THAT(Error("a b\nab\n"), HasSubstr("line 2: found 1 symbols"));
}

}  // namespace
}  // namespace peregrine::text
