// What the model is shown, and what must be in its translation all the same:
// numbers, capitals, terms.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/document/capitals.h"
#include "engine/document/document_fixture.h"
#include "engine/document/glossary.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(KeptTest, NumbersThatAreWrongAreMended) {
  AssembledDocument out =
      TranslateDocument("He paid 42 euros.", {}, Says("Er zahlte 24 Euro."));
  EXPECT_EQ(out.text, "Er zahlte 42 Euro.");
  EXPECT_FALSE(out.numbers_differ);
  // Separators are the language's own.
  out =
      TranslateDocument("It cost 1,000.50.", {}, Says("Es kostete 1.000,50."));
  EXPECT_EQ(out.text, "Es kostete 1.000,50.");
  EXPECT_FALSE(out.numbers_differ);
  out = TranslateDocument("He paid 42.", {}, Says("Er zahlte."));
  EXPECT_THAT(out.text, HasSubstr("42"));
  // One too many is told.
  out = TranslateDocument("He paid 42.", {}, Says("Er zahlte 42 und 43."));
  EXPECT_EQ(out.text, "Er zahlte 42 und 43.");
  EXPECT_TRUE(out.numbers_differ);
  // A product keeps its letters.
  out = TranslateDocument("Buy an RTX-4090 now.", {},
                          Says("Kaufen Sie jetzt einen RTX-490."));
  EXPECT_THAT(out.text, HasSubstr("RTX-4090"));
  EXPECT_THAT(out.lost, IsEmpty());
  // A name, too, and may come again.
  out = TranslateDocument("She works at YouTube.", {},
                          Says("Sie arbeitet bei dirTube."));
  EXPECT_THAT(out.text, HasSubstr("YouTube"));
  EXPECT_THAT(out.lost, IsEmpty());
  out = TranslateDocument("YouTube says so.", {},
                          Says("YouTube sagt, dass YouTube so ist."));
  EXPECT_EQ(out.text, "YouTube sagt, dass YouTube so ist.");
  EXPECT_THAT(out.lost, IsEmpty());
  // A loop.
  out = TranslateDocument("Buy an RTX-4090 now.", {},
                          Says("In RTX-4090 in RTX-4090 in RTX-4090."));
  EXPECT_EQ(out.text, "In RTX-4090 in in.");
  EXPECT_THAT(out.lost, IsEmpty());
}

TEST(KeptTest, AWordThatIsMissingDoesNotReplacePunctuation) {
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

TEST(KeptTest, CapitalsAreRestored) {
  DocumentOptions options;
  options.source_language = "en";
  options.target_language = "de";
  EXPECT_THAT(Shown("THE HTML FILE OF ANNA IS LOST", options),
              ElementsAre("The HTML file of anna is lost"));
  EXPECT_EQ(
      TranslateDocument("THE STREET {x}", options, Says("Die Straße")).text,
      "DIE STRASSE {x}");
  EXPECT_EQ(TranslateDocument("The Little House In My Street", options,
                              Says("Das kleine Haus in meiner Straße"))
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

TEST(KeptTest, TermsOfAGlossary) {
  DocumentOptions options;
  options.glossaries = {
      *Glossary::Create({{"server", {"Rechner", "Server"}}, {"Red Kite", {}}}),
      *Glossary::Create({{"server", {"Kellner"}}, {"new", {"frisch"}}})};
  // One of the targets is there.
  EXPECT_EQ(TranslateDocument("The server is new.", options,
                              Says("Der Server ist neu."))
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
                                Says("Benutze den roten Milan."))
                  .text,
              HasSubstr("Red Kite"));
}

TEST(KeptTest, TermsOutrankWhatIsFoundByItsForm) {
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

}  // namespace
}  // namespace peregrine::document
