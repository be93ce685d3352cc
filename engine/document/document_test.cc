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
#include "engine/document/given_beginning.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Shown(absl::string_view text,
                               const DocumentOptions& options = {}) {
  std::vector<std::string> shown;
  const Document document = ParseDocument(text, options);
  for (const Segment& segment : document.segments()) {
    shown.push_back(segment.shown);
  }
  return shown;
}

// Words in the opposite order, each aligned to its own.
SegmentTranslation Reverse(const Segment& segment) {
  SegmentTranslation translation;
  const std::vector<ByteRange> units = Units(segment.shown);
  for (size_t i = units.size(); i-- > 0;) {
    if (!translation.text.empty()) translation.text += ' ';
    const size_t begin = translation.text.size();
    translation.text += segment.shown.substr(units[i].begin, units[i].size());
    translation.alignment.source.push_back(units[units.size() - 1 - i]);
    translation.alignment.target.push_back({begin, translation.text.size()});
  }
  translation.alignment.weights.assign(units.size() * units.size(), 0.0f);
  for (size_t t = 0; t < units.size(); ++t) {
    translation.alignment.weights[t * units.size() + (units.size() - 1 - t)] =
        1.0f;
  }
  return translation;
}

SegmentTranslation Nonsense(const Segment& segment, std::mt19937* random) {
  SegmentTranslation translation;
  const size_t words = (*random)() % 7;
  for (size_t i = 0; i < words; ++i) {
    translation.text += (*random)() % 4 == 0 ? "," : " w";
    translation.text += std::string((*random)() % 5, 'o');
  }
  const std::vector<ByteRange> target = Units(translation.text);
  const std::vector<ByteRange> source = Units(segment.shown);
  if ((*random)() % 4 != 0) {
    translation.alignment.source = source;
    translation.alignment.target = target;
    for (size_t i = 0; i < source.size() * target.size(); ++i) {
      translation.alignment.weights.push_back(
          static_cast<float>((*random)() % 100) / 100.0f);
    }
  }
  return translation;
}

const char* const kTexts[] = {
    "",
    " ",
    "One sentence.",
    "  Two sentences. In one line.  \r\n",
    "A line.\n\n\n Another\tone.\u2028A third?\u00a0",
    "Double  spaces   inside\u00a0and\u3000others here.",
    "See https://a.org/b?c=d, write to jo@a.org. Hi {name}!",
    "- item one\n* item two\n1. item three\n> quoted",
    "%s of %d files in /etc/hosts were read by @jo 😀 today.",
    "12:30\n--> \n€ 5,00\n10.0.0.1\n😀😀\n***",
    "Use `a. B` here. 日本 is unknown. So is x日y!",
    "{a} {b}, {c}.",
    "Say \"{x}\" (see {y}). {z}",
    "NOTHING IS LOST IN CAPITALS, {x}. Not 42 either.",
};

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
    "DE89 3704 0044 0532 0130 00|3 m²|12:30:15";

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

int CountOf(absl::string_view text, absl::string_view part) {
  int count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos;
       at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
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

TEST(DocumentTest, SpansAreSetAside) {
  EXPECT_THAT(Shown("See https://a.org/b, then go."),
              ElementsAre("See, then go."));
  EXPECT_THAT(Shown("Hi {name}! You have {n} messages."),
              ElementsAre("Hi!", "You have messages."));
  EXPECT_THAT(Shown("Great 😀 work."), ElementsAre("Great work."));
}

TEST(DocumentTest, NumbersBesideUnknownCharactersAreNotTorn) {
  EXPECT_THAT(Shown("Pay €52,029.09 or €52 029 000 now."),
              ElementsAre("Pay 47 or 88 now."));
}

TEST(DocumentTest, SignsOfCurrenciesBelongToNumbers) {
  DocumentOptions options;
  options.kinds.Remove(SpanKind::kUnknown);
  EXPECT_THAT(Shown("Pay €5 or 7 $ now.", options),
              ElementsAre("Pay 47 or 88 now."));
  const auto says = [](const char* text) {
    return [text](const Segment&) { return SegmentTranslation{text, {}}; };
  };
  EXPECT_EQ(
      TranslateDocument("Pay $1,000.5 now.", options, says("Zahl 47.")).text,
      "Zahl $1,000.5.");
  options.source_language = "en";
  options.target_language = "de";
  options.number_format = NumberFormat::kTarget;
  EXPECT_EQ(
      TranslateDocument("Pay $1,000.5 now.", options, says("Zahl 47.")).text,
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

TEST(DocumentTest, SignsThatNormalisingWouldChangeAreSetAside) {
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

TEST(DocumentTest, UnknownWordsInARowAreOneRun) {
  EXPECT_THAT(Shown("He said привет, мир to me."),
              ElementsAre("He said to me."));
  const AssembledDocument out =
      TranslateDocument("one привет, мир two", {}, Reverse);
  EXPECT_EQ(out.text, "two привет, мир one");
}

TEST(DocumentTest, WhatIsNotSeenComesThrough) {
  const auto says = [](const char* text) {
    return [text](const Segment&) { return SegmentTranslation{text, {}}; };
  };
  EXPECT_THAT(Shown("\uFEFF\u200EHello\u200Bthere.\u200F"),
              ElementsAre("Hello there."));
  EXPECT_EQ(
      TranslateDocument("\uFEFF\u200EHello.\u200F", {}, says("Hallo.")).text,
      "\uFEFF\u200EHallo.\u200F");
  EXPECT_EQ(
      TranslateDocument("Hello\u200Bthere.", {}, says("Hallo dort.")).text,
      "Hallo\u200Bdort.");
}

TEST(DocumentTest, EscapedLineBreaksEndSentences) {
  EXPECT_THAT(Shown("First line.\\nSecond line.\\r\\nThird"),
              ElementsAre("First line.", "Second line.", "Third"));
  EXPECT_THAT(Shown("C:\\new is a folder"), ElementsAre("is a folder"));
}

TEST(DocumentTest, AWordThatIsMissingDoesNotReplacePunctuation) {
  DocumentOptions options;
  options.glossaries = {*Glossary::Create({{"York", {"Yorck"}}})};
  const AssembledDocument out =
      TranslateDocument("This is York.", options, [](const Segment& segment) {
        SegmentTranslation translation{"Dies ist nicht.", {}};
        translation.alignment.source = Units(segment.shown);
        translation.alignment.target = Units(translation.text);
        // The full stop comes from the word.
        translation.alignment.weights = {1, 0, 0, 0, 0, 1, 0, 0,
                                         0, 1, 0, 0, 0, 0, 1, 0};
        return translation;
      });
  EXPECT_EQ(out.text, "Dies ist nicht Yorck.");
}

TEST(DocumentTest, PunctuationThatIsGoneLeavesASpaceBehindASpan) {
  const auto says = [](const char* text) {
    return [text](const Segment&) { return SegmentTranslation{text, {}}; };
  };
  EXPECT_EQ(
      TranslateDocument("{name}, you are here.", {}, says("Du bist da.")).text,
      "{name} Du bist da.");
}

TEST(DocumentTest, SpansFollowTheirNeighbours) {
  // The span stood between "two" and "three".
  const AssembledDocument out =
      TranslateDocument("one two {x} three four", {}, Reverse);
  EXPECT_EQ(out.text, "four three {x} two one");
  EXPECT_EQ(TranslateDocument("go {x} home, now.", {}, Reverse).text,
            ". now , home {x} go");
}

TEST(DocumentTest, EverySpanSurvivesAnyTranslation) {
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

TEST(DocumentTest, NumbersThatAreWrongAreMended) {
  const auto says = [](const char* text) {
    return [text](const Segment&) { return SegmentTranslation{text, {}}; };
  };
  AssembledDocument out =
      TranslateDocument("He paid 42 euros.", {}, says("Er zahlte 24 Euro."));
  EXPECT_EQ(out.text, "Er zahlte 42 Euro.");
  EXPECT_FALSE(out.numbers_differ);
  // Separators are the language's own.
  out =
      TranslateDocument("It cost 1,000.50.", {}, says("Es kostete 1.000,50."));
  EXPECT_EQ(out.text, "Es kostete 1.000,50.");
  EXPECT_FALSE(out.numbers_differ);
  out = TranslateDocument("He paid 42.", {}, says("Er zahlte."));
  EXPECT_THAT(out.text, HasSubstr("42"));
  // One too many is told.
  out = TranslateDocument("He paid 42.", {}, says("Er zahlte 42 und 43."));
  EXPECT_EQ(out.text, "Er zahlte 42 und 43.");
  EXPECT_TRUE(out.numbers_differ);
  // A product keeps its letters.
  out = TranslateDocument("Buy an RTX-4090 now.", {},
                          says("Kaufen Sie jetzt einen RTX-490."));
  EXPECT_THAT(out.text, HasSubstr("RTX-4090"));
  EXPECT_THAT(out.lost, IsEmpty());
  // A name, too, and may come again.
  out = TranslateDocument("She works at YouTube.", {},
                          says("Sie arbeitet bei dirTube."));
  EXPECT_THAT(out.text, HasSubstr("YouTube"));
  EXPECT_THAT(out.lost, IsEmpty());
  out = TranslateDocument("YouTube says so.", {},
                          says("YouTube sagt, dass YouTube so ist."));
  EXPECT_EQ(out.text, "YouTube sagt, dass YouTube so ist.");
  EXPECT_THAT(out.lost, IsEmpty());
  // A loop.
  out = TranslateDocument("Buy an RTX-4090 now.", {},
                          says("In RTX-4090 in RTX-4090 in RTX-4090."));
  EXPECT_EQ(out.text, "In RTX-4090 in in.");
  EXPECT_THAT(out.lost, IsEmpty());
}

TEST(DocumentTest, CapitalsAreRestored) {
  DocumentOptions options;
  options.source_language = "en";
  options.target_language = "de";
  EXPECT_THAT(Shown("THE HTML FILE OF ANNA IS LOST", options),
              ElementsAre("The HTML file of anna is lost"));
  const auto says = [](const char* text) {
    return [text](const Segment&) { return SegmentTranslation{text, {}}; };
  };
  EXPECT_EQ(
      TranslateDocument("THE STREET {x}", options, says("Die Straße")).text,
      "DIE STRASSE {x}");
  EXPECT_EQ(TranslateDocument("The Little House In My Street", options,
                              says("Das kleine Haus in meiner Straße"))
                .text,
            "Das Kleine Haus In Meiner Straße");
  EXPECT_THAT(Shown("MP3 And COVID-19 And G20 And 3D Came", options),
              ElementsAre("MP3 and COVID-19 and G20 and 3D came"));
  EXPECT_THAT(Shown("Use it in Template Toolkit and in PHP.", options),
              ElementsAre("Use it in Template Toolkit and in PHP."));
  EXPECT_THAT(Shown("NATO met.", options), ElementsAre("NATO met."));
  options.restore_capitals = false;
  EXPECT_THAT(Shown("ALL OF IT", options), ElementsAre("ALL OF IT"));
}

TEST(AsSentenceTest, NamesAreWhatTheVocabularyHasWithACapital) {
  const auto pieces = [](absl::string_view word) -> size_t {
    return word == "London" || word == "the" || word == "EU" ? 1 : 2;
  };
  EXPECT_EQ(AsSentence("WE SAW THE EU IN LONDON. I LEFT.", Capitals::kAll, "en",
                       pieces),
            "We saw the EU in London. I left.");
  EXPECT_EQ(
      AsSentence("We Saw The River In London", Capitals::kTitle, "en", pieces),
      "We saw the river in London");
  EXPECT_EQ(AsSentence("SEEN IN LONDON", Capitals::kAll, "en"),
            "Seen in london");
}

TEST(DocumentTest, TermsOfAGlossary) {
  DocumentOptions options;
  options.glossaries = {
      *Glossary::Create({{"server", {"Rechner", "Server"}}, {"Red Kite", {}}}),
      *Glossary::Create({{"server", {"Kellner"}}, {"new", {"frisch"}}})};
  const auto says = [](const char* text) {
    return [text](const Segment&) { return SegmentTranslation{text, {}}; };
  };
  // One of the targets is there.
  EXPECT_EQ(TranslateDocument("The server is new.", options,
                              says("Der Server ist neu."))
                .text,
            "Der Server ist frisch.");
  // None is: the word that came from it goes.
  const AssembledDocument out = TranslateDocument(
      "The server is new.", options, [](const Segment& segment) {
        SegmentTranslation translation{"Der Diener ist neu.", {}};
        translation.alignment.source = Units(segment.shown);
        translation.alignment.target = Units(translation.text);
        for (size_t t = 0; t < 5; ++t) {
          for (size_t s = 0; s < 5; ++s) {
            translation.alignment.weights.push_back(s == t ? 1.0f : 0.0f);
          }
        }
        return translation;
      });
  EXPECT_EQ(out.text, "Der Rechner ist frisch.");
  EXPECT_THAT(TranslateDocument("Use Red Kite.", options,
                                says("Benutze den roten Milan."))
                  .text,
              HasSubstr("Red Kite"));
}

TEST(DocumentTest, TermsOutrankWhatIsFoundByItsForm) {
  DocumentOptions options;
  options.glossaries = {*Glossary::Create({{"日本", {"Japan"}},
                                           {"{brand}", {"Acme"}},
                                           {"10 000 steps", {"Lauf"}},
                                           {"😀", {"Lächeln"}},
                                           {"house", {"Haus"}}})};
  EXPECT_EQ(TranslateDocument("In 日本 is {brand} 😀.", options).text,
            "In Japan is Acme Lächeln.");
  EXPECT_THAT(Shown("See https://house.example, 10 000 steps.", options),
              ElementsAre("See, 10 000 steps."));
  // Those that hold more, and ranges, are left.
  EXPECT_EQ(TranslateDocument("See https://a.org/日本/x.", options).text,
            "See https://a.org/日本/x.");
  options.ranges = {{3, 9}};
  EXPECT_EQ(TranslateDocument("In 日本.", options).text, "In 日本.");
}

TEST(GlossaryTest, FindsTermsInWhateverForm) {
  const auto glossary = *Glossary::Create({{"server", {"Rechner"}},
                                           {"O'Neil", {"Onil"}},
                                           {"caf\u00e9", {"Kaffee"}},
                                           {"C++", {"Ceplus"}},
                                           {"state-of-the-art", {"neu"}},
                                           {"l'arbre", {"Baum"}}});
  const auto found = [&](absl::string_view text) {
    std::vector<std::string> words;
    for (const TermMatch& match : glossary->Find(text)) {
      words.emplace_back(text.substr(match.range.begin, match.range.size()));
    }
    return words;
  };
  EXPECT_THAT(found("The server's, servers, SERVER"),
              ElementsAre("server", "SERVER"));
  EXPECT_THAT(found("O\u2019Neil and O'Neil's"),
              ElementsAre("O\u2019Neil", "O'Neil"));
  EXPECT_THAT(found("a cafe\u0301, CAF\u00c9"),
              ElementsAre("cafe\u0301", "CAF\u00c9"));
  EXPECT_THAT(found("C++, C, state-of-the-art; l\u2019arbre"),
              ElementsAre("C++", "state-of-the-art", "l\u2019arbre"));
}

TEST(DocumentTest, RangesOfTheCallerAreWholeWords) {
  DocumentOptions options;
  options.ranges = {{5, 8}};
  EXPECT_THAT(Shown("Keep this here.", options), ElementsAre("Keep here."));
  options.ranges = {{0, 3}};
  EXPECT_THAT(Shown("日本です now", options), ElementsAre("now"));
}

TEST(DocumentTest, RangesOfTheCaller) {
  DocumentOptions options;
  options.ranges = {{4, 12}};
  EXPECT_THAT(Shown("Use Red Kite now.", options), ElementsAre("Use now."));
  EXPECT_EQ(TranslateDocument("Use Red Kite now.", options).text,
            "Use Red Kite now.");
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

// What was given, then anything.
SegmentTranslation Continue(const GivenBeginning& given, const Segment& segment,
                            std::mt19937* random) {
  SegmentTranslation translation = Nonsense(segment, random);
  const size_t moved = given.text.size();
  translation.text = given.text + translation.text;
  for (ByteRange& range : translation.alignment.target) {
    range.begin += moved;
    range.end += moved;
  }
  // Its words come from any of the source.
  if (!translation.alignment.weights.empty()) {
    const size_t sources = translation.alignment.source.size();
    translation.alignment.target.insert(translation.alignment.target.begin(),
                                        {0, moved});
    std::vector<float> row(sources);
    for (float& weight : row) weight = static_cast<float>((*random)() % 3);
    translation.alignment.weights.insert(translation.alignment.weights.begin(),
                                         row.begin(), row.end());
  }
  translation.given_bytes = given.text.size();
  translation.holds = given.holds;
  return translation;
}

// Byte for byte, whatever is set aside, mended or written in capitals.
TEST(DocumentTest, ATranslationBeginsAsItIsGiven) {
  std::mt19937 random(5);
  const std::vector<std::string> spans = {"https://example.org/a?b=1", "{name}",
                                          "jo@example.org"};
  const std::vector<std::string> sources = {
      "Please see https://example.org/a?b=1 or ask {name} today.",
      "{name} wrote 12 letters to jo@example.org for 345.75 euros.",
      "PLEASE ASK {name} ABOUT 3 HOUSES.",
      "The  house of {name} has 1,200 m\u00b2."};
  const std::vector<std::string> given = {"Bitte",
                                          "Bitte ",
                                          "Bitte fragen Sie {name}",
                                          "Es kostet 7",
                                          "Siehe https://exa",
                                          "Siehe https://example.org/a?b=1 und",
                                          "https://example.org/a?b=1",
                                          "345,75 Euro",
                                          "12",
                                          "Es sind 12.",
                                          "{na",
                                          "jo@",
                                          "  Zwei  Leerzeichen",
                                          " Zwei  ",
                                          "  ",
                                          "GRO\u00dfE H",
                                          "{name}{name}",
                                          "H"};
  for (const std::string& source : sources) {
    const Document document = ParseDocument(source, {});
    ASSERT_EQ(document.segments().size(), 1u) << source;
    const Segment& segment = document.segments()[0];
    for (const std::string& text : given) {
      for (int i = 0; i < 40; ++i) {
        const GivenBeginning begun = BeginWith(segment, text, "de");
        EXPECT_EQ(begun.text.substr(0, text.size()), text);
        ASSERT_EQ(begun.places.size(), begun.shown.size() + 1);
        const std::string found =
            document.Assemble({Continue(begun, segment, &random)}).text;
        EXPECT_EQ(found.substr(0, begun.text.size()), begun.text) << source;
        for (const std::string& span : spans) {
          EXPECT_EQ(CountOf(found, span),
                    std::max(CountOf(source, span), CountOf(text, span)))
              << found;
        }
      }
    }
  }
}

TEST(DocumentTest, TheModelIsNotToldWhatIsSetAside) {
  const Document document =
      ParseDocument("ASK {name} AT https://example.org/a FOR 12 EUROS.", {});
  const Segment& segment = document.segments()[0];
  const auto shown = [&](absl::string_view text) {
    return BeginWith(segment, text, "de").shown;
  };
  EXPECT_EQ(shown("FRAGEN SIE {name} UM"), "Fragen sie um");
  EXPECT_EQ(shown("{name}: FRAGEN"), ": Fragen");
  EXPECT_EQ(shown("FRAGEN SIE https://exam"), "Fragen sie ");
  EXPECT_EQ(BeginWith(segment, "UM https://exam", "de").text,
            "UM https://example.org/a");
  // The start of a word may be that of any.
  EXPECT_EQ(BeginWith(segment, "UM h", "de").text, "UM h");
  EXPECT_EQ(SetAsideIn(segment, "bei {name} in"), "{name}");
  EXPECT_EQ(SetAsideIn(segment, "bei {nam"), "");
}

}  // namespace
}  // namespace peregrine::document
