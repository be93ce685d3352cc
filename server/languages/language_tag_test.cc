#include "server/languages/language_tag.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

std::string Text(absl::string_view name) {
  const auto tag = ParseLanguageTag(name);
  return tag.has_value() ? tag->text : "none";
}

TEST(LanguageTagTest, NamesOfOneLanguage) {
  const struct {
    const char* name;
    const char* text;
  } kCases[] = {{"de", "de"},
                {"DE", "de"},
                {"deu", "de"},
                {"ger", "de"},
                {"deu_Latn", "de"},
                {"de_DE", "de-DE"},
                {"en_US", "en-US"},
                {"EN-us", "en-US"},
                {"eng_Latn", "en"},
                {"en_XX", "en-XX"},
                {"pt-BR", "pt-BR"},
                {"pt_br", "pt-BR"},
                {"zh-Hans", "zh"},
                {"zh-CN", "zh-CN"},
                {"zho_Hans", "zh"},
                {"cmn_Hans", "zh"},
                {"zh-Hant", "zh-Hant"},
                {"ZHO_HANT", "zh-Hant"},
                {"sr-Latn", "sr-Latn"},
                {"srp_Cyrl", "sr"},
                {"sh", "sr-Latn"},
                {"arb_Arab", "ar"},
                {"iw", "he"},
                {"no", "nb"},
                {"nob_Latn", "nb"},
                {"nno", "nn"},
                {"tl", "fil"},
                {"pes_Arab", "fa"},
                {"swh_Latn", "sw"},
                {"mo", "ro"},
                {"zh-yue", "yue"},
                {"de-1996", "de"},
                {"quy_Latn", "quy-Latn"},
                {"taq_Tfng", "taq-Tfng"}};
  for (const auto& one : kCases) {
    EXPECT_EQ(Text(one.name), one.text) << one.name;
  }
}

TEST(LanguageTagTest, WhatIsNoTag) {
  for (const std::string name :
       {"", "und", "und-Cyrl", "-", "de--DE", "Deutsch!", "de DE", "\xff", "x",
        "de-DE-", "über"}) {
    EXPECT_EQ(Text(name), "none") << name;
  }
  EXPECT_EQ(Text(std::string(100000, 'a')), "none");
  EXPECT_EQ(Text(std::string("de\0", 3)), "none");
}

TEST(LanguageTagTest, ScriptsDifferAndRegionsDoNot) {
  const struct {
    const char* a;
    const char* b;
    bool same;
  } kCases[] = {{"pt-BR", "pt-PT", true},       {"en", "eng_Latn", true},
                {"zh-CN", "zh-Hans", true},     {"zh-TW", "zh-Hant", true},
                {"zh-HK", "zh-Hans", false},    {"zh", "zh-TW", false},
                {"sr", "sr-Latn", false},       {"sr-ME", "sr-Latn", true},
                {"az", "az-Cyrl", false},       {"pa-PK", "pan_Guru", false},
                {"uz_Latn", "uzn_Cyrl", false}, {"da", "nb", false},
                {"quy", "quy_Latn", true},      {"de", "nds", false}};
  for (const auto& one : kCases) {
    EXPECT_EQ(IsSameWrittenLanguage(*ParseLanguageTag(one.a),
                                    *ParseLanguageTag(one.b)),
              one.same)
        << one.a << " " << one.b;
  }
}

TEST(LanguageTagTest, DisplayNames) {
  const auto name = [](const char* tag, const char* in) {
    return DisplayName(*ParseLanguageTag(tag), in);
  };
  EXPECT_EQ(name("deu_Latn", "en"), "German");
  EXPECT_EQ(name("de", "de"), "Deutsch");
  EXPECT_EQ(name("pt-BR", "fr"), "portugais (Brésil)");
  EXPECT_EQ(name("sr-Latn", "en"), "Serbian (Latin)");
  EXPECT_EQ(name("de", "no language"), "German");
  EXPECT_EQ(name("xqx", "en"), "xqx");
}

TEST(LanguageTagTest, TheClosestRegion) {
  const auto closest = [](std::vector<const char*> names, const char* wanted) {
    std::vector<LanguageTag> tags;
    for (const char* name : names) tags.push_back(*ParseLanguageTag(name));
    return std::string(names[ClosestTag(tags, *ParseLanguageTag(wanted))]);
  };
  EXPECT_EQ(closest({"pt-BR", "pt-PT"}, "pt-AO"), "pt-PT");
  EXPECT_EQ(closest({"pt-PT", "pt-BR"}, "pt"), "pt-BR");
  EXPECT_EQ(closest({"en-US", "en-GB"}, "en-NZ"), "en-GB");
  EXPECT_EQ(closest({"es-ES", "es-419"}, "es-MX"), "es-419");
}

}  // namespace
}  // namespace peregrine::server
