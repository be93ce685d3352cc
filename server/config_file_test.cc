#include "server/config_file.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

std::string Check(absl::string_view text) {
  return std::string(CheckConfigText(text).message());
}

TEST(ConfigFileTest, SoundOnesAreFine) {
  EXPECT_EQ(Check(""), "");
  EXPECT_EQ(Check("# [ a comment\n\n[section]\nworkers = 1  # \"\n"), "");
  EXPECT_EQ(Check("model = [\"a#[\", 'b]']\nlisten = \":1\\\"#\"\n"), "");
  EXPECT_EQ(Check("model = [\n  \"a\",\n  \"b\"  # one more\n]\n"), "");
}

TEST(ConfigFileTest, WhatIsLeftOpenIsNamedByItsLine) {
  EXPECT_EQ(Check("a = 1\nworkers = [1\n"), "line 2: found [ without ]");
  EXPECT_EQ(Check("model = [\n\"a\",\n"), "line 1: found [ without ]");
  EXPECT_EQ(Check("workers = 1]\n"), "line 1: found ] without [");
  EXPECT_EQ(Check("model = \"a\n"), "line 1: found a quote left open");
  EXPECT_EQ(Check("model = 'a\n"), "line 1: found a quote left open");
  EXPECT_EQ(Check("a = 1\nworkers\n"), "line 2: found no `name = value`");
}

}  // namespace
}  // namespace peregrine::server
