#include "engine/formats/files/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace peregrine::formats {
namespace {

using testing::HasSubstr;

std::string Dump(const std::string& text) {
  const auto json = ParseYaml(text, "x.yml");
  return json.ok() ? json->dump() : std::string(json.status().message());
}

TEST(YamlTest, ReadsWhatMarianWrites) {
  EXPECT_EQ(
      Dump("---\n# a comment\nmodels:\n  - a.npz\nvocabs:\n- v.spm\n- \"w "
           "x.spm\"\nbeam-size: 6  # of 12\nnormalize: 0.6\nskip-cost: "
           "true\ntype: transformer\nempty:\nquoted: '1'\n"),
      "{\"beam-size\":6,\"empty\":null,\"models\":[\"a.npz\"],"
      "\"normalize\":0.6,\"quoted\":\"1\",\"skip-cost\":true,\"type\":"
      "\"transformer\",\"vocabs\":[\"v.spm\",\"w x.spm\"]}");
  EXPECT_EQ(Dump("a: [1, 2.5, x, \"y, z\", []]\nb:\n  c:\n    d: -1e-09\n"),
            R"({"a":[1,2.5,"x","y, z",[]],"b":{"c":{"d":-1e-09}}})");
  EXPECT_EQ(Dump("input-types:\n  []\nb: 1\n"), R"({"b":1,"input-types":[]})");
  EXPECT_EQ(Dump(""), "null");
  EXPECT_EQ(Dump("a: 1\r\nb: -2\r\n"), R"({"a":1,"b":-2})");
}

TEST(YamlTest, ReadsKeysOfVocabularies) {
  EXPECT_EQ(Dump("</s>: 0\n\"\\\"\": 1\n\"\\\\\": 2\n'it''s': 3\n\"#\": 4\n"
                 "a:b: 5\n12: 6\n\"\\u00e9\\x41\\U0001F600\": 7\n▁Я: 8\n"),
            "{\"\\\"\":1,\"#\":4,\"12\":6,\"</s>\":0,\"\\\\\":2,\"a:b\":5,"
            "\"it's\":3,\"éA😀\":7,\"▁Я\":8}");
  EXPECT_EQ(Dump("{\"</s>\": 0,\n \"a\": 1}"), R"({"</s>":0,"a":1})");
}

TEST(YamlTest, NamesTheLineOfWhatItRefuses) {
  EXPECT_THAT(Dump("a: 1\nb"),
              HasSubstr("x.yml: line 2: found no \"key: value"));
  EXPECT_THAT(Dump("a: 1\na: 2"),
              HasSubstr("line 2: found the key \"a\" twice"));
  EXPECT_THAT(Dump("a: &anchor 1"), HasSubstr("line 1: found \"&anchor 1\""));
  EXPECT_THAT(Dump("a: *anchor"), HasSubstr("expected no such YAML"));
  EXPECT_THAT(Dump("a: |\n  text"), HasSubstr("expected no such YAML"));
  EXPECT_THAT(Dump("a: {b: 1}"), HasSubstr("expected no such YAML"));
  EXPECT_THAT(Dump("a: b: c"), HasSubstr("found a mapping on the line"));
  EXPECT_THAT(Dump("a: \"b"), HasSubstr("found no end of a quoted text"));
  EXPECT_THAT(Dump("a: \"\\q\""), HasSubstr("found the escape"));
  EXPECT_THAT(Dump("a: \"\\ud800\""), HasSubstr("found the escape \\ud800"));
  EXPECT_THAT(Dump("a: [1, 2"), HasSubstr("found no end of a [sequence]"));
  EXPECT_THAT(Dump("a: \"b\" c"), HasSubstr("behind a value"));
  EXPECT_THAT(Dump("  a: 1\nb: 2"), HasSubstr("belongs to nothing"));
  std::string deep;
  for (int level = 0; level < 100; ++level) {
    deep += std::string(level, ' ') + "a:\n";
  }
  EXPECT_THAT(Dump(deep), HasSubstr("found more than 16 levels"));
  EXPECT_THAT(Dump("a: " + std::string(100, '[')),
              HasSubstr("found more than 16 levels"));
}

TEST(YamlTest, SurvivesAnyText) {
  const std::string letters = "ab:- \n\"'\\#[],{}&*|12.\t~\xc3";
  std::mt19937 random(1);
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (size_t i = random() % 40; i > 0; --i) {
      text += letters[random() % letters.size()];
    }
    const auto json = ParseYaml(text, "x.yml");
    if (!json.ok()) {
      EXPECT_THAT(std::string(json.status().message()), HasSubstr("x.yml: "));
    }
  }
}

}  // namespace
}  // namespace peregrine::formats
