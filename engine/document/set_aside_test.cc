// What the model is not shown, and where it stands in the translation.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/document/document_fixture.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SetAsideTest, SpansAreSetAside) {
  EXPECT_THAT(Shown("See https://a.org/b, then go."),
              ElementsAre("See, then go."));
  EXPECT_THAT(Shown("Hi {name}! You have {n} messages."),
              ElementsAre("Hi!", "You have messages."));
  EXPECT_THAT(Shown("Great 😀 work."), ElementsAre("Great work."));
}

TEST(SetAsideTest, NumbersBesideUnknownCharactersAreNotTorn) {
  EXPECT_THAT(Shown("Pay €52,029.09 or €52 029 000 now."),
              ElementsAre("Pay 47 or 88 now."));
  EXPECT_THAT(Shown("It costs 3 €-5 € or 3.50$-4$-5$."),
              ElementsAre("It costs 47 or 88."))
      << "side by side they are one";
}

TEST(SetAsideTest, NoProductIsMadeOfWhatStoodApart) {
  EXPECT_THAT(Shown("Take RX-12</b>-RX-14 with you."),
              ElementsAre("Take RX-12 -RX-14 with you."));
  EXPECT_THAT(Shown("The House😀-12 is here."),
              ElementsAre("The House -12 is here."));
}

TEST(SetAsideTest, SignsOfCurrenciesBelongToNumbers) {
  DocumentOptions options;
  options.kinds.Remove(SpanKind::kUnknown);
  EXPECT_THAT(Shown("Pay €5 or 7 $ now.", options),
              ElementsAre("Pay 47 or 88 now."));
  EXPECT_EQ(
      TranslateDocument("Pay $1,000.5 now.", options, Says("Zahl 47.")).text,
      "Zahl $1,000.5.");
  options.source_language = "en";
  options.target_language = "de";
  options.number_format = NumberFormat::kTarget;
  EXPECT_EQ(
      TranslateDocument("Pay $1,000.5 now.", options, Says("Zahl 47.")).text,
      "Zahl $1.000,5.");
  options.kinds.Remove(SpanKind::kNumber);
  EXPECT_THAT(Shown("Pay €5 now.", options), ElementsAre("Pay €5 now."));
}

// A vocabulary that writes "™" and the like as letters.
class NormalisingVocabulary : public SmallVocabulary {
 public:
  std::vector<ByteRange> Unknown(absl::string_view) const override {
    return {};
  }
  bool Keeps(absl::string_view) const override { return false; }
};

TEST(SetAsideTest, SignsThatNormalisingWouldChangeAreSetAside) {
  const auto splitter = text::SentenceSplitter::Create("en");
  struct {
    const char* text;
    const char* shown;
  } const cases[] = {
      {"The new Acme™ phone", "The new phone"},
      {"It is 5 ℃ in room № 7.", "It is 5 in room 7."},
      {"A 1ˢᵗ class 𝐛𝐨𝐥𝐝 word", "A class word"},
      {"The set ℝ, see Ⓐ and ㊗", "The set, see and"},
      // Text in another form, and numbers.
      {"The ﬁrst ＦＵＬＬ cup…", "The ﬁrst ＦＵＬＬ cup…"},
      {"Add ½ of H₂O, the 1º", "Add ½ of H₂O, the 1º"},
      // A note, but no unit.
      {"The footnote² of 5 m²", "The footnote of 5 m²"},
      {"He left.³ She, too.", "He left."},
  };
  for (const auto& c : cases) {
    const Document document =
        Document::Parse(c.text, {}, **splitter, NormalisingVocabulary());
    ASSERT_FALSE(document.segments().empty()) << c.text;
    EXPECT_EQ(document.segments()[0].shown, c.shown);
    EXPECT_FALSE(document.has_unknown()) << c.text;
    std::vector<SegmentTranslation> echo;
    for (const Segment& segment : document.segments()) {
      echo.push_back(Echo(segment));
    }
    EXPECT_EQ(document.Assemble(echo).text, c.text);
  }
}

TEST(SetAsideTest, UnknownWordsInARowAreOneRun) {
  EXPECT_THAT(Shown("He said привет, мир to me."),
              ElementsAre("He said to me."));
  const AssembledDocument out =
      TranslateDocument("one привет, мир two", {}, Reverse);
  EXPECT_EQ(out.text, "two привет, мир one");
}

TEST(SetAsideTest, PunctuationThatIsGoneLeavesASpaceBehindASpan) {
  EXPECT_EQ(
      TranslateDocument("{name}, you are here.", {}, Says("Du bist da.")).text,
      "{name} Du bist da.");
}

TEST(SetAsideTest, SpansFollowTheirNeighbours) {
  // The span stood between "two" and "three".
  const AssembledDocument out =
      TranslateDocument("one two {x} three four", {}, Reverse);
  EXPECT_EQ(out.text, "four three {x} two one");
  EXPECT_EQ(TranslateDocument("go {x} home, now.", {}, Reverse).text,
            ". now , home {x} go");
}

TEST(SetAsideTest, EverySpanSurvivesAnyTranslation) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    for (const char* text : kTexts) {
      const Document document = ParseDocument(text, {});
      std::vector<SegmentTranslation> translations;
      std::string expected;  // each insert, with how often
      for (const Segment& segment : document.segments()) {
        translations.push_back(Nonsense(segment, &random));
      }
      const AssembledDocument out = document.Assemble(translations);
      for (const Segment& segment : document.segments()) {
        for (const Insert& insert : segment.inserts) {
          ASSERT_THAT(out.text, HasSubstr(insert.text)) << text;
        }
        for (const Kept& kept : segment.kept) {
          ASSERT_THAT(out.text, HasSubstr(kept.wanted[0])) << text;
        }
      }
      ASSERT_THAT(out.lost, IsEmpty()) << text << "\n" << out.text;
    }
  }
}

TEST(SetAsideTest, RangesOfTheCallerAreWholeWords) {
  DocumentOptions options;
  options.ranges = {{5, 8}};
  EXPECT_THAT(Shown("Keep this here.", options), ElementsAre("Keep here."));
  options.ranges = {{0, 3}};
  EXPECT_THAT(Shown("日本です now", options), ElementsAre("now"));
}

TEST(SetAsideTest, RangesOfTheCaller) {
  DocumentOptions options;
  options.ranges = {{4, 12}};
  EXPECT_THAT(Shown("Use Red Kite now.", options), ElementsAre("Use now."));
  EXPECT_EQ(TranslateDocument("Use Red Kite now.", options).text,
            "Use Red Kite now.");
}

}  // namespace
}  // namespace peregrine::document
