#include "engine/model/languages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "engine/text/utf8.h"

namespace peregrine::model {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const std::vector<Language>& Three() {
  static const auto* const languages = new std::vector<Language>{
      {"deu_Latn", 7}, {"eng_Latn", 8}, {"zho_Hant", 9}};
  return *languages;
}

std::string Error(const absl::StatusOr<Language>& language) {
  return std::string(language.status().message());
}

TEST(LanguagesTest, NamesInAnyCaseAndWithEitherSign) {
  EXPECT_TRUE(IsSameLanguage("eng_Latn", "ENG-latn"));
  EXPECT_FALSE(IsSameLanguage("eng_Latn", "eng"));
  EXPECT_FALSE(IsSameLanguage("en", "eng"));
  EXPECT_EQ(FindLanguage(Three(), "zho-Hant")->token, 9);
  EXPECT_EQ(FindLanguage(Three(), "zho-Hans"), nullptr);
  EXPECT_EQ(FindLanguage(Three(), ""), nullptr);
}

TEST(LanguagesTest, TheDefaultStandsForNone) {
  EXPECT_EQ(ChooseLanguage(Three(), "eng_Latn", "")->token, 8);
  EXPECT_EQ(ChooseLanguage(Three(), "eng_Latn", "deu-latn")->code, "deu_Latn");
  EXPECT_EQ(Error(ChooseLanguage(Three(), "", "")),
            "found none, expected one of deu_Latn, eng_Latn, zho_Hant");
  EXPECT_EQ(Error(ChooseLanguage(Three(), "eng_Latn", "fra_Latn")),
            "found \"fra_Latn\", expected one of deu_Latn, eng_Latn, zho_Hant");
}

TEST(LanguagesTest, AModelOfOnePairHasOnlyItsOwn) {
  EXPECT_EQ(ChooseLanguage({}, "en", "")->token, -1);
  EXPECT_EQ(ChooseLanguage({}, "pt-BR", "pt_br")->code, "pt-BR");
  EXPECT_EQ(
      Error(ChooseLanguage({}, "en", "fr")),
      "found \"fr\", expected \"en\", the only one of the model, or none");
  EXPECT_TRUE(ChooseLanguage({}, "und", "").ok());
  EXPECT_THAT(Error(ChooseLanguage({}, "und", "und")),
              EndsWith("the model does not say its language"));
}

TEST(LanguagesTest, ErrorsAreBounded) {
  std::vector<Language> many;
  for (int i = 0; i < 10000; ++i) many.push_back({absl::StrCat("x", i), i});
  const std::string error =
      Error(ChooseLanguage(many, "", std::string(100000, '\n')));
  EXPECT_THAT(error, HasSubstr("\\n...\", expected one of x0, x1,"));
  EXPECT_THAT(error, EndsWith(", ... (10000 in all)"));
  EXPECT_LT(error.size(), 800u);
}

// A client gets no error that is not UTF-8.
TEST(LanguagesTest, ErrorsHaveWholeCharacters) {
  for (int before = 0; before < 4; ++before) {
    std::string name(before, 'x');
    for (int i = 0; i < 100; ++i) name += "🐦";
    const std::string error = Error(ChooseLanguage({{"de", 3}}, "", name));
    EXPECT_EQ(text::FindInvalidUtf8(error), absl::nullopt) << error;
  }
}

}  // namespace
}  // namespace peregrine::model
