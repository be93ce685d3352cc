#include "server/languages/detector.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

std::string First(absl::string_view text, const LanguageList* among = nullptr) {
  const DetectedLanguages detected = DetectLanguages(text, among);
  return detected.languages.empty() ? "none" : detected.languages[0].language;
}

TEST(DetectorTest, Languages) {
  EXPECT_EQ(First("The neighbours are painting their kitchen this weekend."),
            "en");
  EXPECT_EQ(First("Am Wochenende streichen die Nachbarn ihre Küche neu."),
            "de");
  EXPECT_EQ(First("Соседи в эти выходные красят кухню в жёлтый цвет."), "ru");
  EXPECT_EQ(First("今週末、隣の人たちは台所を黄色に塗ります。"), "ja");
  EXPECT_EQ(First("這個週末鄰居們要把廚房漆成黃色,我們會去幫忙。"), "zh-Hant");
  EXPECT_EQ(First("这个周末邻居们要把厨房漆成黄色,我们会去帮忙。"), "zh");
}

TEST(DetectorTest, ScriptsOfOneLanguage) {
  EXPECT_EQ(First("Комшије овог викенда фарбају кухињу у жуто."), "sr");
}

TEST(DetectorTest, OnlyThoseAskedFor) {
  const LanguageList nllb({"eng_Latn", "deu_Latn", "fra_Latn"});
  EXPECT_EQ(
      First("Am Wochenende streichen die Nachbarn ihre Küche neu.", &nllb),
      "deu_Latn");
  const DetectedLanguages other = DetectLanguages(
      "Соседи в эти выходные красят кухню в жёлтый цвет.", &nllb);
  EXPECT_NE(other.certainty, Certainty::kSure);
}

TEST(DetectorTest, SaysHowSureItIs) {
  const auto certainty = [](absl::string_view text) {
    return DetectLanguages(text).certainty;
  };
  EXPECT_EQ(certainty("Could you tell me where the station is, please?"),
            Certainty::kSure);
  EXPECT_EQ(certainty("OK"), Certainty::kTooShort);
  EXPECT_EQ(certainty(""), Certainty::kTooShort);
  EXPECT_EQ(certainty("12 + 30 = 42 !!"), Certainty::kTooShort);
  EXPECT_EQ(certainty("xkcd qwrt zzyx plmk wrtz vbnm qqqq"),
            Certainty::kUnsure);
  for (const LikelyLanguage& likely :
       DetectLanguages("Where is the station? Wo ist der Bahnhof, bitte?")
           .languages) {
    EXPECT_GT(likely.confidence, 0);
    EXPECT_LE(likely.confidence, 1);
  }
}

TEST(DetectorTest, TellsTheSharesOfSeveralLanguages) {
  const std::string english =
      "The council will meet again on Thursday evening to discuss the bridge. ";
  const std::string russian =
      "В четверг вечером совет снова обсудит новый мост через реку. ";
  const std::string german =
      "Am Donnerstagabend berät der Rat erneut über die neue Brücke. ";
  const auto shares = [](const std::string& text) {
    std::map<std::string, float> found;
    for (const LikelyLanguage& likely : DetectLanguages(text).languages) {
      found[likely.language] = likely.share;
    }
    return found;
  };
  const auto two = shares(english + german + german);
  EXPECT_EQ(two.size(), 2u);
  EXPECT_NEAR(two.at("en"), 0.37, 0.1);
  EXPECT_NEAR(two.at("de"), 0.63, 0.1);
  // Each in its own script, and not in that of the other.
  const auto scripts = shares(english + russian);
  EXPECT_EQ(scripts.count("ru"), 1u);
  EXPECT_EQ(scripts.count("en"), 1u);
  EXPECT_EQ(shares(english + english + german + russian).size(), 3u);
}

TEST(DetectorTest, MarkupIsNoText) {
  EXPECT_EQ(TextOfMarkup("<p class='the text'>Guten&nbsp;Tag, a < b & c</p>"),
            " Guten Tag, a < b & c ");
  EXPECT_EQ(TextOfMarkup("a<!-- the comment > --><SCRIPT>if (a < b)</script>b"
                         "<style>p {}</style><?xml?><!DOCTYPE x>"),
            "a  b   ");
  EXPECT_EQ(TextOfMarkup("<p"), " ");
  EXPECT_EQ(TextOfMarkup("<!-- "), " ");
  EXPECT_EQ(TextOfMarkup("&amp"), " amp");
  EXPECT_EQ(TextOfMarkup("<"), "<");
  EXPECT_TRUE(HasLetters("1 é"));
  EXPECT_FALSE(HasLetters("12 + 30 = 😀"));
  EXPECT_FALSE(HasLetters(""));
}

TEST(DetectorTest, TakesAnything) {
  TextOfMarkup(std::string("<\0&\xff;<\xfe a", 9));
  DetectLanguages(std::string("\0\xff\xfe a", 5));
  DetectLanguages(std::string(1 << 20, 'a'));
  std::string long_text;
  while (long_text.size() < 100000) long_text += "größere Häuser ";
  EXPECT_EQ(First(long_text), "de");
}

}  // namespace
}  // namespace peregrine::server
