#include "server/service/logged_texts.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

v1::TranslateRequest Request(const std::vector<std::string>& texts) {
  v1::TranslateRequest request;
  for (const std::string& text : texts) request.add_texts()->set_text(text);
  return request;
}

TEST(LoggedTextsTest, SetsTheBestTranslationBesideItsSource) {
  LoggedTexts logged;
  logged.AddSources(Request({"one", "two"}));
  EXPECT_EQ(logged.texts().at(1).source, "two");
  EXPECT_EQ(logged.texts().at(1).translation, "");
  v1::TranslateResponse response;
  for (const char* text : {"eins", "zwei"}) {
    v1::Translation* translation = response.add_translations();
    translation->add_hypotheses()->set_text(text);
    translation->add_hypotheses()->set_text("other");
  }
  logged.AddTranslations(response);
  EXPECT_EQ(logged.texts().at(0).translation, "eins");
  EXPECT_EQ(logged.texts().at(1).translation, "zwei");
}

TEST(LoggedTextsTest, JoinsTokens) {
  v1::TranslateTokensRequest request;
  for (const char* token : {"▁a", "b"}) {
    if (request.sources().empty()) request.add_sources();
    request.mutable_sources(0)->add_tokens(token);
  }
  v1::TranslateTokensResponse response;
  response.add_translations()->add_hypotheses()->add_tokens("▁c");
  LoggedTexts logged;
  logged.AddSources(request);
  logged.AddTranslations(response);
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
  v1::Translation translation;
  translation.add_hypotheses()->set_text("t");
  for (size_t i = 0; i < LoggedTexts::kMaxTexts + 2; ++i) {
    logged.Add("s", translation);
  }
  EXPECT_EQ(logged.texts().size(), LoggedTexts::kMaxTexts);
  EXPECT_EQ(logged.texts().back().translation, "t");
  EXPECT_EQ(logged.left_out(), 2);
}

}  // namespace
}  // namespace peregrine::server
