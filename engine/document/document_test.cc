#include "engine/document/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/document/document_fixture.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DocumentTest, AnEchoIsTheTextByteForByte) {
  for (const char* text : kTexts) {
    for (bool single : {false, true}) {
      DocumentOptions options;
      options.single_sentence = single;
      const AssembledDocument out = TranslateDocument(text, options);
      EXPECT_EQ(out.text, text);
      EXPECT_THAT(out.lost, IsEmpty()) << text;
      EXPECT_FALSE(out.numbers_differ) << text;
    }
  }
}

// What texts are made of, and what they are not; with "|" between.
const char kPieces[] =
    " | | |  |\t|\n|\r\n|\u00a0|\u3000|\u2028|the|House|is|a|é|\u0308|ab_c|"
    ".|,|!|?|(|)|[|]|/|&|<|*|\"|'|’|-|–|…|«|»|“|•|№|\u200B|\u200D|"
    "https://a.org/b?c|jo@a.org|{x}|%s|<x/>|&amp;|`a b`|#tag|@jo|:ok:|/a/b.c|"
    "😀|👍🏽|日本|です|。|「|」|"
    "नमस्ते|ق|שלום|"
    "1|23|3.5|½|v1.2|RX-12|2024-01-02|+49 30 1234567|1,234.5|a1b2c3d4|5–10|"
    "DE89 3704 0044 0532 0130 00|3 m²|12:30:15|$1.5|$5|€20|3.50 €";

std::string RandomText(std::mt19937* random) {
  static const auto* const pieces =
      new std::vector<std::string>(absl::StrSplit(kPieces, '|'));
  std::string text;
  for (size_t n = 1 + (*random)() % 9; n > 0; --n) {
    text += (*pieces)[(*random)() % pieces->size()];
  }
  return text;
}

TEST(DocumentTest, AnEchoOfAnyTextIsTheTextByteForByte) {
  std::mt19937 random(21);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RandomText(&random);
    DocumentOptions options;
    options.single_sentence = i % 2 == 0;
    options.restore_capitals = false;
    const AssembledDocument out = TranslateDocument(text, options);
    ASSERT_EQ(out.text, text);
    ASSERT_THAT(out.lost, IsEmpty()) << text;
  }
}

// Some words of it, in another order.
SegmentTranslation Shuffled(const Segment& segment, std::mt19937* random) {
  std::vector<std::string> words = absl::StrSplit(segment.shown, ' ');
  std::shuffle(words.begin(), words.end(), *random);
  words.resize((*random)() % (words.size() + 1));
  return {absl::StrJoin(words, " "), {}};
}

TEST(DocumentTest, OddWhiteSpaceAndSpansComeThroughAnyTranslation) {
  std::mt19937 random(4);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RandomText(&random);
    const AssembledDocument out = TranslateDocument(
        text, {},
        [&](const Segment& segment) { return Shuffled(segment, &random); });
    for (const char* space : {"\t", "\n", "\r", "\u00a0", "\u3000", "\u2028"}) {
      ASSERT_EQ(CountOf(out.text, space), CountOf(text, space)) << text << "\n"
                                                                << out.text;
    }
    for (const LostSpan& lost : out.lost) {
      ASSERT_GE(lost.found, lost.expected) << text << "\n" << out.text;
    }
  }
}

TEST(DocumentTest, NumbersBesideWhatIsSetAsideStayApart) {
  EXPECT_THAT(Shown("It is 1😀2 and 3.5{x}½ here."),
              ElementsAre("It is 1 2 and ½ here."));
  for (const char* text :
       {"Line<br/>break 1😀2.", "House v1.2ab_c", "a 23,日本½ b"}) {
    EXPECT_EQ(TranslateDocument(text, {}).text, text);
  }
}

TEST(DocumentTest, WhatHasNoLetterNeverReachesTheModel) {
  for (const char* text :
       {"42", "3.50 €", "2024-05-01", "12:30", "10.0.0.1", "-->", "😀 👍", "•",
        "\t\t", "***", "https://a.org", "jo@a.org", "{x}", "{x}: %s!", "`a b`",
        "@jo #win", "日本"}) {
    EXPECT_THAT(Shown(text), IsEmpty()) << text;
  }
  EXPECT_THAT(Shown("Name\tAge\n- Anna\t42\n1) Ben"),
              ElementsAre("Name", "Age", "Anna", "Ben"));
}

TEST(DocumentTest, WhatIsNotSeenComesThrough) {
  EXPECT_THAT(Shown("\uFEFF\u200EHello\u200Bthere.\u200F"),
              ElementsAre("Hello there."));
  EXPECT_EQ(
      TranslateDocument("\uFEFF\u200EHello.\u200F", {}, Says("Hallo.")).text,
      "\uFEFF\u200EHallo.\u200F");
  EXPECT_EQ(
      TranslateDocument("Hello\u200Bthere.", {}, Says("Hallo dort.")).text,
      "Hallo\u200Bdort.");
}

TEST(DocumentTest, EscapedLineBreaksEndSentences) {
  EXPECT_THAT(Shown("First line.\\nSecond line.\\r\\nThird"),
              ElementsAre("First line.", "Second line.", "Third"));
  EXPECT_THAT(Shown("C:\\new is a folder"), ElementsAre("is a folder"));
}

TEST(DocumentTest, HardWrappedTextIsWrappedAgain) {
  DocumentOptions options;
  options.hard_wrapped = true;
  const std::string text =
      "  This paragraph was broken to a width of\n"
      "  forty characters. It goes on here and\n"
      "  ends.\n"
      "\n"
      "> A quoted line that is broken, too, at\n"
      "> about forty.\n"
      "- an item\n"
      "- another {x}\n";
  EXPECT_EQ(TranslateDocument(text, options).text, text);
  EXPECT_THAT(Shown(text, options),
              ElementsAre("This paragraph was broken to a width of forty "
                          "characters.",
                          "It goes on here and ends.",
                          "A quoted line that is broken, too, at about forty.",
                          "an item", "another"));
  // Longer words, lines of like length.
  const std::string longer =
      TranslateDocument(text, options, [](const Segment& segment) {
        std::string out;
        for (char c : segment.shown) {
          out += c;
          if (c == 'e') out += "ee";
        }
        return SegmentTranslation{out, {}};
      }).text;
  for (absl::string_view line : {absl::string_view(longer)}) {
    size_t width = 0;
    for (char c : line) {
      width = c == '\n' ? 0 : width + 1;
      EXPECT_LE(width, 42u);
    }
  }
}

TEST(DocumentTest, SaysWhereSentencesAre) {
  const std::string text = " One {x} here. 😀 Two there.\nThree";
  const AssembledDocument out =
      TranslateDocument(text, {}, [](const Segment& segment) {
        return SegmentTranslation{"Eins zwei " + segment.shown, {}};
      });
  ASSERT_EQ(out.sentences.size(), 3u);
  const auto cut = [](const std::string& whole, const ByteRange& range) {
    return whole.substr(range.begin, range.size());
  };
  EXPECT_EQ(cut(text, out.sentences[0].source), "One {x} here.");
  EXPECT_EQ(cut(text, out.sentences[1].source), "Two there.");
  EXPECT_EQ(cut(text, out.sentences[2].source), "Three");
  EXPECT_EQ(cut(out.text, out.sentences[1].target), "Eins zwei Two there.");
  EXPECT_EQ(cut(out.text, out.sentences[2].target), "Eins zwei Three");
}

TEST(DocumentTest, CutsWhatIsTooLongOutsideSpans) {
  std::string text;
  for (int i = 0; i < 60; ++i) absl::StrAppend(&text, "word {a,b c} ");
  absl::StripAsciiWhitespace(&text);
  const Document document = ParseDocument(text, {});
  EXPECT_TRUE(document.was_cut());
  std::vector<SegmentTranslation> translations;
  for (const Segment& segment : document.segments()) {
    EXPECT_LE(segment.shown.size(), 200u);
    translations.push_back(Echo(segment));
  }
  EXPECT_EQ(document.Assemble(translations).text, text);
}

TEST(DropUnknownTest, DropsWhatTheSourceDoesNotHave) {
  EXPECT_EQ(DropUnknown("a\xEF\xBF\xBD b", "a b"), "a b");
  EXPECT_EQ(DropUnknown("a \xE2\x81\x87 b", "a b"), "a b");
  EXPECT_EQ(DropUnknown("a \xE2\x81\x87 ", "a b"), "a");
  EXPECT_EQ(DropUnknown("a\xEF\xBF\xBD b", "\xEF\xBF\xBD"), "a\xEF\xBF\xBD b");
}

}  // namespace
}  // namespace peregrine::document
