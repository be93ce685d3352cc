#include "compare/table.h"

#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

const Table kTable = {{"model", "x", "none"},
                      {{"größe", "1.00", ""}, {"a|b", "12.00", ""}}};

TEST(TableTest, TextIsAligned) {
  EXPECT_EQ(kTable.WithoutEmptyColumns().ToText(),
            "model      x\n"
            "größe   1.00\n"
            "a|b    12.00\n");
}

TEST(TableTest, Markdown) {
  EXPECT_EQ(kTable.WithoutEmptyColumns().ToMarkdown(),
            "| model | x |\n"
            "|---|---:|\n"
            "| größe | 1.00 |\n"
            "| a\\|b | 12.00 |\n");
}

TEST(TableTest, OnlyColumnsWithoutAnyCellGo) {
  Table table = kTable;
  table.rows[1][2] = "here";
  EXPECT_EQ(table.WithoutEmptyColumns().header.size(), 3u);
}

}  // namespace
}  // namespace peregrine::compare
