// Spans that a model is shown as markers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "engine/document/document_fixture.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

DocumentOptions TwoMarkers() {
  DocumentOptions options;
  options.markers = {"<m0>", "<m1>"};
  return options;
}

// What becomes of `text` where the model says `translation`.
std::string Said(absl::string_view text, const std::string& translation,
                 const DocumentOptions& options = TwoMarkers()) {
  const AssembledDocument out =
      TranslateDocument(text, options, Says(translation));
  EXPECT_THAT(out.lost, IsEmpty()) << text;
  EXPECT_FALSE(out.numbers_differ) << text;
  return out.text;
}

TEST(MarkersTest, TheModelIsShownTheFirstSpansAsMarkers) {
  EXPECT_THAT(Shown("Ask jo@a.org about https://a.org/x, now.", TwoMarkers()),
              ElementsAre("Ask <m0> about <m1>, now."));
  EXPECT_THAT(Shown("Ask {a}, then {b}, but not {c} again.", TwoMarkers()),
              ElementsAre("Ask <m0>, then <m1>, but not again."))
      << "others are set aside";
  EXPECT_THAT(Shown("All 17 of them cost 3,450.75 at {a}.", TwoMarkers()),
              ElementsAre("All 17 of them cost 47 at <m0>."))
      << "numbers have stand-ins of their own";
  DocumentOptions none = TwoMarkers();
  none.marks_spans = false;
  EXPECT_THAT(Shown("Ask {a}, please.", none), ElementsAre("Ask, please."));
}

TEST(MarkersTest, WhatTheyStandForTakesTheirPlace) {
  const char kText[] = "Ask jo@a.org about {x} today.";
  EXPECT_EQ(Said(kText, "Heute nach <m1> den <m0> fragen."),
            "Heute nach {x} den jo@a.org fragen.");
  EXPECT_EQ(Said(kText, "Frag<m0>nach <m1><m0> heute."),
            "Frag jo@a.org nach {x} heute.")
      << "neither glued to words nor twice";
  EXPECT_EQ(Said(kText, "<m0><m1>"), "jo@a.org {x}");
  EXPECT_EQ(Said("Ask {x}😀 here.", "Hier<m0><m1>."), "Hier {x}😀.")
      << "as close as they were";
  EXPECT_THAT(Said(kText, "Frage heute nach <m1>."), HasSubstr("jo@a.org"));
  EXPECT_THAT(Said(kText, ""), HasSubstr("jo@a.org"));
}

TEST(MarkersTest, CapitalsLeaveThemAlone) {
  const char kText[] = "PLEASE READ {path} BEFORE MONDAY.";
  EXPECT_THAT(Shown(kText, TwoMarkers()),
              ElementsAre("Please read <m0> before monday."));
  EXPECT_EQ(Said(kText, "Bitte lesen Sie <m0> vor Montag."),
            "BITTE LESEN SIE {path} VOR MONTAG.");
}

TEST(MarkersTest, TheirTextIsNoMarker) {
  for (const char* text :
       {"The tag <m0> is {x} here.", "Tags such as <m1>, <m0> and {x} work.",
        "READ <M0> AND {x} AGAIN TODAY."}) {
    DocumentOptions options = TwoMarkers();
    for (bool marks : {false, true}) {
      options.marks_spans = marks;
      options.kinds = marks ? SpanKinds::All() : SpanKinds::None();
      const Document document = ParseDocument(text, options);
      for (const Segment& segment : document.segments()) {
        const int marked = static_cast<int>(
            std::count_if(segment.kept.begin(), segment.kept.end(),
                          [](const Kept& kept) { return kept.is_marked(); }));
        EXPECT_EQ(
            CountOf(segment.shown, "<m0>") + CountOf(segment.shown, "<m1>"),
            marked)
            << segment.shown;
      }
      if (marks) {
        EXPECT_EQ(TranslateDocument(text, options).text, text);
      }
    }
  }
}

TEST(MarkersTest, ATermThatTheModelCannotReadBecomesItsTarget) {
  DocumentOptions options = TwoMarkers();
  options.glossaries = {*Glossary::Create({{"日本", {"Japan"}}})};
  EXPECT_THAT(Shown("I like 日本 very much.", options),
              ElementsAre("I like <m0> very much."));
  EXPECT_EQ(Said("I like 日本 very much.", "Ich mag <m0> sehr.", options),
            "Ich mag Japan sehr.");
}

TEST(MarkersTest, AVocabularyThatDoesNotReadThemIsNotShownThem) {
  class Blind : public SmallVocabulary {
    bool ReadsMarkers(absl::string_view sentence,
                      absl::Span<const std::string> markers) const override {
      EXPECT_THAT(markers, ElementsAre("<m0>"));
      return !absl::StrContains(sentence, "blind");
    }
  };
  const auto splitter = text::SentenceSplitter::Create("en");
  const Document document =
      Document::Parse("I see {x} here.\nI am blind to {x} here.", TwoMarkers(),
                      **splitter, Blind());
  ASSERT_EQ(document.segments().size(), 2u);
  EXPECT_EQ(document.segments()[0].shown, "I see <m0> here.");
  EXPECT_EQ(document.segments()[1].shown, "I am blind to here.");
}

TEST(MarkersTest, WordsOfTheSourceAreWholeSpans) {
  const char kText[] = "Ask 😀😀 about it.";
  const Document document = ParseDocument(kText, TwoMarkers());
  const Segment& segment = document.segments()[0];
  ASSERT_EQ(segment.shown, "Ask <m0> about it.");
  for (const ByteRange& unit : Units(segment.shown)) {
    const ByteRange source = SourceOf(segment, unit);
    const std::string text(kText + source.begin, source.size());
    const std::string shown = segment.shown.substr(unit.begin, unit.size());
    EXPECT_EQ(text, unit.begin >= 4 && unit.end <= 8 ? "😀😀" : shown);
  }
}

// What texts are made of; with "|" between.
const char kPieces[] =
    " | | |, |. |the|House|is|(|)|日本|です|12|v1.2|1,234.5|RX-12|"
    "https://a.org/b?c|jo@a.org|{x}|%s|😀|`a b`|<m0>|<M1>|<b/>|\t|\u00a0";

std::string RandomText(std::mt19937* random, bool may_touch) {
  static const auto* const pieces =
      new std::vector<std::string>(absl::StrSplit(kPieces, '|'));
  std::string text = "So it";
  for (size_t n = (*random)() % 12; n > 0; --n) {
    text += may_touch && (*random)() % 2 == 0 ? "" : " ";
    text += (*pieces)[(*random)() % pieces->size()];
  }
  return text;
}

TEST(MarkersTest, AnEchoOfAnyTextIsTheTextByteForByte) {
  std::mt19937 random(21);
  DocumentOptions options = TwoMarkers();
  options.restore_capitals = false;
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(&random, /*may_touch=*/true);
    const AssembledDocument out = TranslateDocument(text, options);
    ASSERT_EQ(out.text, text);
    ASSERT_THAT(out.lost, IsEmpty()) << text;
  }
}

// Words are lost, come twice, are glued together and change places.
SegmentTranslation Bad(const Segment& segment, std::mt19937* random) {
  std::vector<std::string> words = absl::StrSplit(segment.shown, ' ');
  std::shuffle(words.begin(), words.end(), *random);
  if ((*random)() % 2 == 0) words.resize((*random)() % (words.size() + 1));
  if (!words.empty() && (*random)() % 2 == 0) words.push_back(words[0]);
  return {absl::StrJoin(words, (*random)() % 4 == 0 ? "" : " "), {}};
}

TEST(MarkersTest, EverySpanSurvivesAnyTranslation) {
  std::mt19937 random(22);
  DocumentOptions options = TwoMarkers();
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomText(&random, /*may_touch=*/false);
    const Document document = ParseDocument(text, options);
    std::vector<SegmentTranslation> translations;
    std::vector<std::string> spans;
    for (const Segment& segment : document.segments()) {
      translations.push_back(Bad(segment, &random));
      for (const Kept& kept : segment.kept) {
        if (kept.is_marked()) spans.push_back(kept.wanted[0]);
      }
    }
    const AssembledDocument out = document.Assemble(translations);
    for (const LostSpan& lost : out.lost) {
      ASSERT_GT(lost.found, lost.expected) << text << " -> " << out.text;
      ASSERT_THAT(spans, Not(testing::Contains(lost.text)));
    }
    for (const std::string& span : spans) {
      ASSERT_EQ(CountOf(out.text, span), CountOf(text, span))
          << text << " -> " << out.text;
    }
  }
}

}  // namespace
}  // namespace peregrine::document
