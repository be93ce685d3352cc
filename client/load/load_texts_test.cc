#include "client/load/load_texts.h"

#include <cmath>
#include <fstream>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

using ::testing::HasSubstr;

std::string WriteFile(const std::string& content) {
  const std::string path = testing::TempDir() + "/load_texts_test";
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(CountWordsTest, CountsWhatStandsBetweenWhiteSpace) {
  EXPECT_EQ(CountWords(""), 0);
  EXPECT_EQ(CountWords(" \t\n"), 0);
  EXPECT_EQ(CountWords("one"), 1);
  EXPECT_EQ(CountWords("  one, two\tthree \n"), 3);
}

TEST(FileTextsTest, GivesTheLinesOverAndOver) {
  const auto texts = FileTexts::Read(WriteFile("one\r\n\n  two\n \nthree"));
  ASSERT_TRUE(texts.ok()) << texts.status();
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ((*texts)->Next(), "one");
    EXPECT_EQ((*texts)->Next(), "  two");
    EXPECT_EQ((*texts)->Next(), "three");
  }
}

TEST(FileTextsTest, SaysWhatIsWrongWithAFile) {
  EXPECT_THAT(FileTexts::Read("/nonexistent/in").status().message(),
              HasSubstr("/nonexistent/in: cannot read"));
  EXPECT_THAT(FileTexts::Read(WriteFile("\n \n")).status().message(),
              HasSubstr("found no text in it"));
  EXPECT_THAT(FileTexts::Read(WriteFile("one\nab\xff\n")).status().message(),
              HasSubstr(":2: not UTF-8 at byte 2"));
}

TEST(SyntheticTextsTest, LengthsHaveTheWantedMeanAndDeviation) {
  LengthDistribution lengths;
  lengths.mean = 30;
  lengths.deviation = 8;
  SyntheticTexts texts(lengths, 1);
  double sum = 0, squares = 0;
  constexpr int kTexts = 20'000;
  for (int i = 0; i < kTexts; ++i) {
    const double words = CountWords(texts.Next());
    sum += words;
    squares += words * words;
  }
  const double mean = sum / kTexts;
  EXPECT_NEAR(mean, 30, 0.3);
  EXPECT_NEAR(std::sqrt(squares / kTexts - mean * mean), 8, 0.3);
}

TEST(SyntheticTextsTest, KeepsToTheLimits) {
  LengthDistribution lengths;
  lengths.deviation = 40;
  SyntheticTexts texts(lengths, 1);
  std::set<int> found;
  for (int i = 0; i < 5000; ++i) found.insert(CountWords(texts.Next()));
  EXPECT_EQ(*found.begin(), lengths.min);
  EXPECT_GT(*found.rbegin(), lengths.max - 10);
  EXPECT_LE(*found.rbegin(), lengths.max);
}

TEST(SyntheticTextsTest, WithoutDeviationAllAreOfOneLength) {
  SyntheticTexts texts({12, 0, 3, 100}, 1);
  std::set<std::string> different;
  for (int i = 0; i < 50; ++i) {
    const std::string text = texts.Next();
    EXPECT_EQ(CountWords(text), 12);
    EXPECT_TRUE(absl::EndsWith(text, ".")) << text;
    different.insert(text);
  }
  EXPECT_GT(different.size(), 25u);
}

TEST(SyntheticTextsTest, ASeedGivesTheSameTexts) {
  SyntheticTexts one({}, 5), same({}, 5), other({}, 6);
  std::string first, second, third;
  for (int i = 0; i < 5; ++i) {
    absl::StrAppend(&first, one.Next());
    absl::StrAppend(&second, same.Next());
    absl::StrAppend(&third, other.Next());
  }
  EXPECT_EQ(first, second);
  EXPECT_NE(first, third);
}

TEST(LengthDistributionTest, SaysWhatCannotBeDrawn) {
  EXPECT_TRUE(Validate(LengthDistribution()).ok());
  EXPECT_THAT(Validate({200, 1, 3, 100}).message(),
              HasSubstr("mean words: found 200, allowed 3 to 100"));
  EXPECT_FALSE(Validate({2, 1, 3, 100}).ok());
  EXPECT_FALSE(Validate({20, -1, 3, 100}).ok());
  EXPECT_FALSE(Validate({20, 41, 3, 100}).ok());
  EXPECT_FALSE(Validate({20, std::nan(""), 3, 100}).ok());
}

}  // namespace
}  // namespace peregrine::client
