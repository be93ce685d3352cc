#include "server/glossaries/term_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace peregrine::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

TEST(TermListsTest, ReadsTabs) {
  const auto rows = ReadTsv(
      "\xEF\xBB\xBF"
      "a\tb\r\n\n # c \t d e \n");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_THAT(*rows, SizeIs(2));
  EXPECT_THAT((*rows)[0].cells, ElementsAre("a", "b"));
  EXPECT_THAT((*rows)[1].cells, ElementsAre("# c", "d e"));
  EXPECT_EQ((*rows)[1].line, 3u);
}

TEST(TermListsTest, ReadsCommasAndQuotes) {
  const auto rows = ReadCsv(
      "a,b\r\n\"x, y\",\"say \"\"z\"\"\"\n\n\"two\nlines\",\nlast,\"\"");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_THAT(*rows, SizeIs(4));
  EXPECT_THAT((*rows)[0].cells, ElementsAre("a", "b"));
  EXPECT_THAT((*rows)[1].cells, ElementsAre("x, y", "say \"z\""));
  EXPECT_THAT((*rows)[2].cells, ElementsAre("two\nlines", ""));
  EXPECT_EQ((*rows)[2].line, 4u);
  EXPECT_THAT((*rows)[3].cells, ElementsAre("last", ""));
  EXPECT_EQ((*rows)[3].line, 6u);
}

TEST(TermListsTest, SaysWhereCommasAreWrong) {
  EXPECT_THAT(std::string(ReadCsv("a,b\n\"c,d").status().message()),
              HasSubstr("line 2: a quote does not end"));
  EXPECT_THAT(std::string(ReadCsv("\"a\"b,c").status().message()),
              HasSubstr("line 1: found text behind a quote"));
}

TEST(TermListsTest, TakesTermsOfTwoColumns) {
  const std::vector<TermRow> rows = {{1, {"a", "b", "c"}},
                                     {4, {"d", "e", "f"}}};
  const auto terms = TermsOf(rows, {2, 0, 3, true});
  ASSERT_TRUE(terms.ok()) << terms.status();
  EXPECT_EQ((*terms)[1].source, "f");
  EXPECT_THAT((*terms)[1].targets, ElementsAre("d"));
  EXPECT_TRUE((*terms)[1].case_sensitive);
  EXPECT_THAT(std::string(TermsOf(rows, {}).status().message()),
              HasSubstr("line 1: found 3 columns, expected 2"));
  EXPECT_THAT(std::string(TermsOf({{7, {"a"}}}, {}).status().message()),
              HasSubstr("line 7: found 1 columns"));
  EXPECT_THAT(std::string(TermsOf({{7, {"a", ""}}}, {}).status().message()),
              HasSubstr("line 7: found an empty term"));
}

TEST(TermListsTest, WritesWhatItReads) {
  EXPECT_EQ(WriteTsv({{"a", {"b", "c"}, false}, {"d", {}, false}}),
            "a\tb\nd\td");
  EXPECT_EQ(WriteTsv({}), "");
}

}  // namespace
}  // namespace peregrine::server
