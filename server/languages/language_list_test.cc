#include "server/languages/language_list.h"

#include "engine/text/utf8.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

std::string Found(const LanguageList& list, absl::string_view name) {
  const LanguageList::Entry* entry = list.Find(name);
  return entry == nullptr ? "none" : entry->code;
}

TEST(LanguageListTest, FindsWhatIsMeant) {
  const LanguageList nllb({"arb_Arab", "deu_Latn", "eng_Latn", "nob_Latn",
                           "pes_Arab", "por_Latn", "srp_Cyrl", "swh_Latn",
                           "zho_Hans", "zho_Hant"});
  const struct {
    const char* name;
    const char* code;
  } kCases[] = {
      {"en", "eng_Latn"},      {"en_US", "eng_Latn"}, {"eng-latn", "eng_Latn"},
      {"DEU", "deu_Latn"},     {"de-AT", "deu_Latn"}, {"pt-BR", "por_Latn"},
      {"zh", "zho_Hans"},      {"zh-CN", "zho_Hans"}, {"zh-TW", "zho_Hant"},
      {"zh-Hant", "zho_Hant"}, {"ar", "arb_Arab"},    {"no", "nob_Latn"},
      {"fa", "pes_Arab"},      {"sw", "swh_Latn"},    {"sr", "srp_Cyrl"},
      {"sr-Latn", "none"},     {"fr", "none"},        {"", "none"}};
  for (const auto& one : kCases) {
    EXPECT_EQ(Found(nllb, one.name), one.code) << one.name;
  }
}

TEST(LanguageListTest, ACodeItselfComesFirst) {
  const LanguageList list({"en", "en_XX", "jibberish9", "pt-BR", "pt"});
  EXPECT_EQ(Found(list, "EN-xx"), "en_XX");
  EXPECT_EQ(Found(list, "JIBBERISH9"), "jibberish9");
  EXPECT_EQ(Found(list, "pt"), "pt");
  EXPECT_EQ(Found(list, "pt-br"), "pt-BR");
}

TEST(LanguageListTest, TheUnknownIsToldTheNearest) {
  const LanguageList list(
      {"cs", "da", "de", "en", "es", "fi", "fr", "hr", "sr-Cyrl", "uk"});
  const struct {
    const char* name;
    const char* nearest;  // the first
  } kCases[] = {{"German", "de (German)"},   {"deutsch", "de (German)"},
                {"sr-Latn", "sr-Cyrl"},      {"english", "en (English)"},
                {"Français", "fr (French)"}, {"ukr_Latn", "uk (Ukrainian)"},
                {"dee", "de (German)"}};
  for (const auto& one : kCases) {
    const std::string told = list.DescribeUnknown(one.name);
    EXPECT_THAT(told, HasSubstr(std::string("nearest of 10: ") + one.nearest))
        << told;
  }
  EXPECT_THAT(list.DescribeUnknown("sw"), HasSubstr("found \"sw\" (Swahili)"));
  EXPECT_THAT(list.DescribeUnknown("klingon!"), HasSubstr("no tag"));
}

TEST(LanguageListTest, AShortListIsToldWhole) {
  EXPECT_EQ(
      LanguageList(std::vector<std::string>{"en", "de"}).DescribeUnknown("fr"),
      "found \"fr\" (French), expected one of de (German), "
      "en (English)");
}

TEST(LanguageListTest, WhatIsToldIsBounded) {
  std::vector<std::string> codes;
  for (int i = 0; i < 500; ++i) codes.push_back("x" + std::to_string(i));
  const std::string told =
      LanguageList(codes).DescribeUnknown(std::string(100000, '\n'));
  EXPECT_LT(told.size(), 400);
  // Cut between characters.
  for (int letters = 20; letters < 40; ++letters) {
    std::string name(letters % 3, 'x');
    for (int i = 0; i < letters; ++i) name += "語";
    const std::string quoted = LanguageList(codes).DescribeUnknown(name);
    EXPECT_FALSE(text::FindInvalidUtf8(quoted).has_value()) << quoted;
  }
}

}  // namespace
}  // namespace peregrine::server
