#include "engine/text/sentence_splitter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace peregrine::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::unique_ptr<SentenceSplitter> MakeSplitter(absl::string_view language) {
  auto splitter = SentenceSplitter::Create(language);
  EXPECT_TRUE(splitter.ok()) << splitter.status();
  return *std::move(splitter);
}

std::string Join(const std::vector<SentenceSegment>& segments) {
  std::string text;
  for (const SentenceSegment& segment : segments) {
    absl::StrAppend(&text, segment.sentence, segment.separator);
  }
  return text;
}

std::vector<std::string> Sentences(absl::string_view language,
                                   absl::string_view text) {
  const auto segments = MakeSplitter(language)->Split(text);
  EXPECT_EQ(Join(segments), text);
  std::vector<std::string> sentences;
  for (const SentenceSegment& segment : segments) {
    sentences.emplace_back(segment.sentence);
  }
  return sentences;
}

TEST(SentenceSplitterTest, SplitsAtTheEndsOfSentences) {
  EXPECT_THAT(Sentences("en", "It rains. Does it? It does! \"Stop.\" He left."),
              ElementsAre("It rains.", "Does it?", "It does!", "\"Stop.\"",
                          "He left."));
  EXPECT_THAT(Sentences("en", "It cost 3.50 at example.org today."),
              ElementsAre("It cost 3.50 at example.org today."));
}

TEST(SentenceSplitterTest, KeepsTheWhiteSpaceBetween) {
  const std::string text = " \tOne.  Two.\n\n Three\r\nFour. \n";
  const auto segments = MakeSplitter("en")->Split(text);
  ASSERT_EQ(segments.size(), 5);
  EXPECT_EQ(segments[0].sentence, "");
  EXPECT_EQ(segments[0].separator, " \t");
  EXPECT_EQ(segments[1].sentence, "One.");
  EXPECT_EQ(segments[1].separator, "  ");
  EXPECT_EQ(segments[2].sentence, "Two.");
  EXPECT_EQ(segments[2].separator, "\n\n ");
  EXPECT_EQ(segments[3].sentence, "Three");
  EXPECT_EQ(segments[3].separator, "\r\n");
  EXPECT_EQ(segments[4].sentence, "Four.");
  EXPECT_EQ(segments[4].separator, " \n");
  EXPECT_EQ(Join(segments), text);
}

TEST(SentenceSplitterTest, HandlesTextWithoutSentences) {
  EXPECT_THAT(Sentences("en", ""), IsEmpty());
  EXPECT_THAT(Sentences("en", " \n "), ElementsAre(""));
  EXPECT_THAT(Sentences("en", "word"), ElementsAre("word"));
}

TEST(SentenceSplitterTest, EndsASentenceAtEveryLineBreak) {
  EXPECT_THAT(Sentences("en",
                        "a\nb\rc\r\nd\xE2\x80\xA8"
                        "e\xC2\x85"
                        "f, Dr.\nG"),
              ElementsAre("a", "b", "c", "d", "e", "f, Dr.", "G"));
}

TEST(SentenceSplitterTest, KeepsEnglishAbbreviations) {
  EXPECT_THAT(
      Sentences("en", "Dr. Smith met Mrs. Jones at St. Mary's. They spoke."),
      ElementsAre("Dr. Smith met Mrs. Jones at St. Mary's.", "They spoke."));
  EXPECT_THAT(
      Sentences("en", "See No. 5, Fig. 12 and (e.g. Paris). No. Never."),
      ElementsAre("See No. 5, Fig. 12 and (e.g. Paris).", "No.", "Never."));
  EXPECT_THAT(Sentences("en",
                        "J. R. R. Smith and J.R.R. Jones. He came at 5 "
                        "p.m. She left."),
              ElementsAre("J. R. R. Smith and J.R.R. Jones.",
                          "He came at 5 p.m.", "She left."));
  EXPECT_THAT(
      Sentences("en", "1. Introduction\nIt was in 1999. Then it ended."),
      ElementsAre("1. Introduction", "It was in 1999.", "Then it ended."));
  EXPECT_THAT(
      Sentences("en", "I met Joe. On and on. That is it. All is well."),
      ElementsAre("I met Joe.", "On and on.", "That is it.", "All is well."));
}

TEST(SentenceSplitterTest, KeepsGermanAbbreviationsAndOrdinals) {
  EXPECT_THAT(
      Sentences("de",
                "Am 3. M\xC3\xA4rz war z. B. Dr. M\xC3\xBCller da, d. h. "
                "Nr. 7. Er ging z.B. Montags. Ende."),
      ElementsAre(
          "Am 3. M\xC3\xA4rz war z. B. Dr. M\xC3\xBCller da, d. h. Nr. 7.",
          "Er ging z.B. Montags.", "Ende."));
  EXPECT_THAT(Sentences("de-AT", "Das war ein Test. Er kam 1999. Ja."),
              ElementsAre("Das war ein Test.", "Er kam 1999.", "Ja."));
}

TEST(SentenceSplitterTest, KnowsTheStopsOfOtherScripts) {
  EXPECT_THAT(Sentences("ja", "雨です。傘は？あります。"),
              ElementsAre("雨です。", "傘は？", "あります。"));
  EXPECT_THAT(Sentences("zh", "下雨了。你去吗？我不去！"),
              ElementsAre("下雨了。", "你去吗？", "我不去！"));
  EXPECT_THAT(Sentences("hi", "बारिश है। वह गया। ठीक है।"),
              ElementsAre("बारिश है।", "वह गया।", "ठीक है।"));
  EXPECT_THAT(Sentences("ar", "هل تمطر؟ نعم. شكرا."),
              ElementsAre("هل تمطر؟", "نعم.", "شكرا."));
  EXPECT_THAT(Sentences("el", "Βρέχει; Ναι."), ElementsAre("Βρέχει;", "Ναι."));
  EXPECT_THAT(Sentences("ru", "А. С. Иванов пришёл. Идёт дождь."),
              ElementsAre("А. С. Иванов пришёл.", "Идёт дождь."));
}

TEST(SentenceSplitterTest, TakesAnyLanguageTag) {
  for (const char* tag : {"", "und", "tlh", "sr-Latn-RS", "zh-Hant", "EN-us"}) {
    EXPECT_THAT(Sentences(tag, "One. Two."), ElementsAre("One.", "Two."));
  }
  for (const char* tag : {"not a tag", "e", "de_DE!", "-"}) {
    EXPECT_EQ(SentenceSplitter::Create(tag).status().code(),
              absl::StatusCode::kInvalidArgument)
        << tag;
  }
}

TEST(SentenceSplitterTest, LosesNoByteOfInvalidText) {
  const auto splitter = MakeSplitter("en");
  for (const std::string& text :
       {std::string("\xFF. A\xC3. B"), std::string("\xE2\x80"),
        std::string("a\0. B. C", 8), std::string(" \x80 \n\xF0\x9F. X")}) {
    EXPECT_EQ(Join(splitter->Split(text)), text);
  }
}

TEST(SentenceSplitterTest, SplitsOnManyThreads) {
  const auto splitter = MakeSplitter("en");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&splitter] {
      for (int j = 0; j < 200; ++j) {
        ASSERT_EQ(splitter->Split("One. Two by Dr. Who. Three.").size(), 3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace peregrine::text
