#include "engine/text/added_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace peregrine::text {
namespace {

using testing::ElementsAre;

// Segments in brackets, the last in round ones; words as their ids.
std::vector<std::string> Parts(const AddedWords& words,
                               absl::string_view text) {
  std::vector<std::string> parts;
  words.Split(
      text,
      [&](absl::string_view segment, bool is_last) {
        parts.push_back(is_last ? absl::StrCat("(", segment, ")")
                                : absl::StrCat("[", segment, "]"));
      },
      [&](int32_t id) { parts.push_back(absl::StrCat(id)); });
  return parts;
}

TEST(AddedWordsTest, TakesTheFirstAndOfThoseTheLongest) {
  const AddedWords words({{"grok", 1}, {"grokking", 2}, {"kin", 3}});
  EXPECT_THAT(Parts(words, "a grok b"), ElementsAre("[a ]", "1", "( b)"));
  EXPECT_THAT(Parts(words, "grokking"), ElementsAre("2"));
  EXPECT_THAT(Parts(words, "grokkin"), ElementsAre("1", "3"));
  EXPECT_THAT(Parts(words, "xgrokgrok"), ElementsAre("[x]", "1", "1"));
  EXPECT_THAT(Parts(words, "none"), ElementsAre("(none)"));
  EXPECT_THAT(Parts(words, ""), ElementsAre());
}

TEST(AddedWordsTest, KeepsToTheirFlags) {
  const AddedWords words({{"one", 1, /*single_word=*/true},
                          {"<l>", 2, false, /*takes_left=*/true},
                          {"<r>", 3, false, false, /*takes_right=*/true}});
  EXPECT_THAT(Parts(words, "alone one"), ElementsAre("[alone ]", "1"));
  EXPECT_THAT(Parts(words, "a <l> b"), ElementsAre("[a]", "2", "( b)"));
  EXPECT_THAT(Parts(words, "a <r> b"), ElementsAre("[a ]", "3", "(b)"));
}

}  // namespace
}  // namespace peregrine::text
