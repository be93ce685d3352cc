#include "server/config_file.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Error(absl::string_view text) {
  return std::string(ParseConfigText(text).status().message());
}

std::vector<std::string> Values(absl::string_view text) {
  const auto lines = ParseConfigText(text);
  EXPECT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(lines->size(), 1u);
  return lines->at(0).values;
}

TEST(ConfigFileTest, NamesAndValues) {
  EXPECT_TRUE(ParseConfigText("")->empty());
  EXPECT_TRUE(ParseConfigText("# [ a comment\n\n  \t\r\n#")->empty());
  const auto lines =
      ParseConfigText("\nworkers = 1  # \"\r\n\nlisten=':0'").value();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0].number, 2);
  EXPECT_EQ(lines[0].name, "workers");
  EXPECT_THAT(lines[0].values, ElementsAre("1"));
  EXPECT_EQ(lines[1].number, 4);
  EXPECT_EQ(lines[1].name, "listen");
  EXPECT_THAT(lines[1].values, ElementsAre(":0"));
}

TEST(ConfigFileTest, StringsAndLists) {
  EXPECT_THAT(Values("listen = \":1\\\"#\\\\\\t\"  # more\n"),
              ElementsAre(":1\"#\\\t"));
  EXPECT_THAT(Values("a = 'b\\t]'"), ElementsAre("b\\t]"));
  EXPECT_THAT(Values("model = [\"a#[\", 'b]', c, ]\n"),
              ElementsAre("a#[", "b]", "c"));
  EXPECT_THAT(Values("model = [\n  \"a\",\n\n  \"b\"  # one more\n]\n"),
              ElementsAre("a", "b"));
  EXPECT_THAT(Values("model = []"), ElementsAre());
}

TEST(ConfigFileTest, WhatIsWrongIsNamedByItsLine) {
  EXPECT_EQ(Error("a = 1\nworkers = [1\n"), "line 2: found [ without ]");
  EXPECT_EQ(Error("model = [\n\"a\",\n"), "line 1: found [ without ]");
  EXPECT_EQ(Error("workers = 1]\n"), "line 1: found ] without [");
  EXPECT_EQ(Error("workers = 1[\n"),
            "line 1: found [ within a value; it needs quotes");
  EXPECT_EQ(Error("model = \"a\n"), "line 1: found a quote left open");
  EXPECT_EQ(Error("model = 'a\n"), "line 1: found a quote left open");
  EXPECT_EQ(Error("model = \"a\\"), "line 1: found a quote left open");
  EXPECT_THAT(Error("model = \"a\\q\""), HasSubstr("line 1: found \\q"));
  EXPECT_EQ(Error("a = 1\nworkers\n"), "line 2: found no `name = value`");
  EXPECT_EQ(Error("a = 1\n= 3\n"), "line 2: found no name before =");
  EXPECT_EQ(Error("a = # 1\n"), "line 1: found no value");
  EXPECT_EQ(Error("a = 'x' y\n"), "line 1: found y after the value");
  EXPECT_EQ(Error("\n[server]\na = 1\n"),
            "line 2: found a [section], but options stand in none");
  EXPECT_EQ(Error("a = ['x' 'y']\n"),
            "line 1: found no comma between values of a list");
  EXPECT_EQ(Error("a = 1\nb = 2\na = 3\n"),
            "line 3: found a again, after line 1; several values are a [list]");
}

TEST(ConfigFileTest, FilesThatCannotBeRead) {
  const std::string path = ::testing::TempDir() + "/config_file_test";
  std::ofstream(path) << "a = 1\n";
  EXPECT_EQ(ReadConfigFile(path).value(), "a = 1\n");
  std::ofstream(path) << std::string(2 << 20, ' ');
  EXPECT_EQ(ReadConfigFile(path).status().message(),
            "cannot be read: longer than 1 MiB");
  EXPECT_EQ(ReadConfigFile("/no/such/file").status().message(),
            "cannot be read: No such file or directory");
  EXPECT_EQ(ReadConfigFile(::testing::TempDir()).status().message(),
            "cannot be read: Is a directory");
}

}  // namespace
}  // namespace peregrine::server
