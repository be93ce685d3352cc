#include "server/service/logged_texts.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TextRequest Request(const std::vector<std::string>& texts) {
  TextRequest request;
  for (const std::string& text : texts)
    request.texts.emplace_back().text = text;
  return request;
}

TEST(LoggedTextsTest, SetsTheBestTranslationBesideItsSource) {
  LoggedTexts logged;
  logged.AddSources(Request({"one", "two"}));
  EXPECT_EQ(logged.texts().at(1).source, "two");
  EXPECT_EQ(logged.texts().at(1).translation, "");
  TextAnswer answer;
  for (const char* text : {"eins", "zwei"}) {
    answer.texts.emplace_back();
    answer.texts.back().translation.hypotheses = {{text, 0, {}},
                                                  {"other", 0, {}}};
  }
  logged.AddTranslations(answer);
  EXPECT_EQ(logged.texts().at(0).translation, "eins");
  EXPECT_EQ(logged.texts().at(1).translation, "zwei");
}

TEST(LoggedTextsTest, JoinsTokens) {
  TokenRequest request;
  request.sources = {{"▁a", "b"}};
  TokenAnswer answer;
  answer.sequences.emplace_back();
  answer.sequences[0].hypotheses.emplace_back().tokens = {"▁c"};
  LoggedTexts logged;
  logged.AddSources(request);
  logged.AddTranslations(answer);
  EXPECT_EQ(logged.texts().at(0).source, "▁a b");
  EXPECT_EQ(logged.texts().at(0).translation, "▁c");
}

TEST(LoggedTextsTest, CutsBetweenCharactersAndKeepsCount) {
  const std::string most(LoggedTexts::kMaxBytes - 3, 'x');
  LoggedTexts logged;
  logged.AddSources(Request({most, "ab\xc3\xa4z", "c", ""}));
  EXPECT_EQ(logged.texts().at(0).source, most);
  EXPECT_EQ(logged.texts().at(1).source, "ab…");  // one byte of ä would fit
  EXPECT_EQ(logged.texts().at(2).source, "…");
  EXPECT_EQ(logged.texts().at(3).source, "");
  EXPECT_EQ(logged.left_out(), 0);
}

TEST(LoggedTextsTest, TakesNoMoreThanItsNumberOfTexts) {
  LoggedTexts logged;
  for (size_t i = 0; i < LoggedTexts::kMaxTexts + 2; ++i) {
    logged.Add("s", "t");
  }
  EXPECT_EQ(logged.texts().size(), LoggedTexts::kMaxTexts);
  EXPECT_EQ(logged.texts().back().translation, "t");
  EXPECT_EQ(logged.left_out(), 2);
}

}  // namespace
}  // namespace peregrine::server
