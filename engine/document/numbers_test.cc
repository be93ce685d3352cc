#include "engine/document/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/document/document_fixture.h"
#include "engine/document/spelled_numbers.h"

namespace peregrine::document {
namespace {

using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

TEST(DigitsOfTest, LeavesSeparatorsOut) {
  EXPECT_EQ(DigitsOf("1,000.50"), "100050");
  EXPECT_EQ(DigitsOf("٣٤"), "34");
  EXPECT_EQ(DigitsOf("½"), "");
}

TEST(SameNumberTest, SeparatorsMayDifferButNotTheNumber) {
  struct Case {
    const char* source;
    const char* target;
    bool same;
  };
  for (const Case& c : std::vector<Case>{
           {"3,450.75", "3.450,75", true},
           {"3,450.75", "3450,75", true},
           {"3,450.75", "3 450,75", true},
           {"3,450.75", "3.450.75", false},
           {"3,450.75", "345075", false},
           {"3.5", "3,5", true},
           {"3.5", "35", false},
           {"1,234", "1234", true},
           {"1,234", "1.234", true},
           {"1,234", "1.23", false},
           {"1,234,567", "1.234.567", true},
           {"10:30", "10.30", true},
           {"10:30", "1030", false},
           {"15/03/2024", "15.03.2024", true},
           {"15/03/2024", "03.15.2024", false},
           {"2024", "2024", true},
           {"٣٤", "34", true},
           {"2½", "2", false},
           {"½", "½", true},
           {"½", "1", false},
           {"", "", true},
           {"", "1", false},
       }) {
    EXPECT_EQ(SameNumber(c.source, c.target), c.same)
        << c.source << " " << c.target;
  }
}

std::vector<std::string> Long(const std::string& text) {
  std::vector<std::string> found;
  for (const Span& span : FindLongNumbers(text)) {
    found.push_back(text.substr(span.range.begin, span.range.size()));
  }
  return found;
}

TEST(FindLongNumbersTest, FindsWhatModelsBreak) {
  for (const char* number : {"3,450.75",
                             "1,234,567",
                             "12 345",
                             "1'234.50",
                             "1234567",
                             "3.14159265",
                             "2024-03-15",
                             "2024-03-15T10:30:00Z",
                             "15/03/2024",
                             "23:59:59",
                             "+49 30 1234567",
                             "(555) 123-4567",
                             "0800-123-456",
                             "555-1234",
                             "DE89 3704 0044 0532 0130 00",
                             "GB29 NWBK 6016 1331 9268 19",
                             "4111 1111 1111 1111",
                             "978-3-16-148410-0",
                             "0x1F40",
                             "1.5e10",
                             "1920x1080",
                             "550e8400-e29b-41d4-a716-446655440000",
                             "a1b2c3d4",
                             "5\u00a0562\u00a0137",
                             "5–10",
                             "2.5–3.5",
                             "100..300",
                             "10～20"}) {
    EXPECT_THAT(Long(number), ElementsAre(number));
    EXPECT_THAT(Long(std::string("Take (") + number + "), then go."),
                ElementsAre(AnyOf(number, std::string("(") + number + ")")));
  }
}

TEST(FindLongNumbersTest, LeavesShortOnes) {
  for (const char* text : {"42",
                           "2024",
                           "3.5",
                           "1,234",
                           "10:30",
                           "1990-1995",
                           "5-10",
                           "1/2",
                           "16:9",
                           "In 2020 300 people came",
                           "5, 6, 7",
                           "the 1990s",
                           "COVID-19",
                           "H1N1",
                           "RTX-4090",
                           "mid-1990s",
                           "3 1/2",
                           "Rooms 12, 13 and 14",
                           "1990, 1991, 1992",
                           "v2",
                           "100%"}) {
    EXPECT_THAT(Long(text), IsEmpty()) << text;
  }
}

TEST(FindLongNumbersTest, SumsMeasuresAndSpansOfTime) {
  struct {
    const char* text;
    std::vector<std::string> found;
  } const cases[] = {
      {"2 + 2 = 4, 3*3=9 and 10^6", {"2 + 2 = 4", "3*3=9", "10^6"}},
      {"3×10⁸ m/s, if 5 < 6", {"3×10⁸", "5 < 6"}},
      {"He is 5'11\" tall", {"5'11\""}},
      {"at 52°31′12″N", {"52°31′12″N"}},
      {"for 1h30m or 2d4h", {"1h30m", "2d4h"}},
      {"0b1010, 0o17, 0x1F", {"0b1010", "0o17", "0x1F"}},
      {"5 - 7 days, 3/4, 16:9", {}},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Long(c.text), ElementsAreArray(c.found)) << c.text;
  }
}

TEST(FindKeptTest, OfACodeWithANumberTheNumber) {
  const auto kept = [](absl::string_view text) {
    std::vector<std::string> found;
    for (const Span& span : FindKept(text, SpanKinds::All())) {
      found.emplace_back(text.substr(span.range.begin, span.range.size()));
    }
    return found;
  };
  EXPECT_THAT(kept("EUR1,000.50 or USD5 or RTX-4090"),
              ElementsAre("1,000.50", "USD5", "RTX-4090"));
  EXPECT_THAT(kept("H₂O, C₆H₁₂O₆, m²"), ElementsAre("H₂O", "C₆H₁₂O₆", "m²"));
}

TEST(AmountsTest, AreNumbersWithTheSignOfACurrency) {
  const auto amounts = [](absl::string_view text) {
    std::vector<std::string> found;
    for (const Span& span : FindAmounts(text)) {
      found.emplace_back(text.substr(span.range.begin, span.range.size()));
    }
    return found;
  };
  EXPECT_THAT(amounts("$9.99 or 5 €, £ 7, 8¥ and US$12, 50¢"),
              ElementsAre("$9.99", "5 €", "£ 7", "8¥", "US$12", "50¢"));
  EXPECT_THAT(
      amounts("€10–20, 10-20 €, -$5, $3.5bn, $50k, ₹1,00,000"),
      ElementsAre("€10–20", "10-20 €", "-$5", "$3.5bn", "$50k", "₹1,00,000"));
  EXPECT_THAT(amounts("in $ or in €; the $HOME of a5b; $"), IsEmpty());
  EXPECT_THAT(amounts(""), IsEmpty());
}

TEST(StandInTest, NoneComesTwice) {
  absl::flat_hash_set<std::string> taken = DigitRuns("37 of 1,200, a5b");
  EXPECT_THAT(taken, UnorderedElementsAre("37", "1", "200", "5"));
  absl::flat_hash_set<std::string> all = taken;
  for (int i = 0; i < 200; ++i) {
    const std::string number = StandIn(&taken);
    EXPECT_TRUE(all.insert(number).second) << number;
  }
}

TEST(InLanguageTest, FollowsTheSeparatorsOfCldr) {
  EXPECT_EQ(InLanguage("3,450.75", "en", "de"), "3.450,75");
  EXPECT_EQ(InLanguage("3.450,75", "de", "en-US"), "3,450.75");
  EXPECT_EQ(InLanguage("1,234,567", "en", "fr"), "1\u202f234\u202f567");
  EXPECT_EQ(InLanguage("0.5", "en", "pt-BR"), "0,5");
  EXPECT_EQ(InLanguage("$1,234.5bn", "en", "de"), "$1.234,5bn");
  EXPECT_EQ(InLanguage("1234.5", "en", "de"), "1234,5");
  // Not written as numbers of the language are.
  for (const char* number : {"10:30", "2024-03-15", "15/03/2024", "3,45",
                             "1.2.3", "+49 30 12", "7"}) {
    EXPECT_EQ(InLanguage(number, "en", "de"), number);
  }
  EXPECT_EQ(InLanguage("3.5", "eng_Latn", "deu_Latn"), "3,5");
  EXPECT_EQ(InLanguage("3.5", "en", ""), "3.5");
  EXPECT_EQ(InLanguage("3.5", "en", "xx-nonsense-"), "3.5");
}

TEST(SpelledNumbersTest, KnowsWordsOfManyLanguages) {
  EXPECT_THAT(SpelledNumbers("Twenty-five men, and the third.", "en"),
              UnorderedElementsAre("25", "3"));
  EXPECT_THAT(SpelledNumbers("fünfundzwanzig Leute", "de-AT"),
              ElementsAre("25"));
  EXPECT_THAT(SpelledNumbers("vingt et un", "fr"), Contains("21"));
  EXPECT_THAT(SpelledNumbers("No numbers.", "en"), IsEmpty());
  EXPECT_THAT(SpelledNumbers("twenty", "xx"), IsEmpty());
  EXPECT_THAT(SpelledNumbers("twenty", ""), IsEmpty());
}

AssembledDocument Said(const char* source, const char* target,
                       NumberFormat format = NumberFormat::kEither) {
  DocumentOptions options;
  options.source_language = "en";
  options.target_language = "de";
  options.number_format = format;
  return TranslateDocument(source, options, [&](const Segment& segment) {
    std::string text = target;
    // What the model is shown is what it says.
    for (const Kept& kept : segment.kept) {
      for (size_t at = text.find('#');
           at != std::string::npos && !kept.stand_in.empty();
           at = text.find('#')) {
        text.replace(at, 1, kept.stand_in);
      }
    }
    return SegmentTranslation{text, {}};
  });
}

TEST(NumberRepairTest, LongNumbersAreShownAsShortOnes) {
  EXPECT_EQ(Said("Pay 3,450.75 EUR now.", "Zahlen Sie jetzt # EUR.").text,
            "Zahlen Sie jetzt 3,450.75 EUR.");
  EXPECT_EQ(Said("Pay USD 3,450.75 now.", "Zahlen Sie jetzt USD#.").text,
            "Zahlen Sie jetzt USD3,450.75.");
  // Or the model knows better.
  EXPECT_EQ(Said("Pay 3,450.75 EUR.", "Zahlen Sie 3.450,75 EUR.").text,
            "Zahlen Sie 3.450,75 EUR.");
  EXPECT_EQ(
      Said("Pay 3,450.75 EUR.", "Zahlen Sie # EUR.", NumberFormat::kTarget)
          .text,
      "Zahlen Sie 3.450,75 EUR.");
  EXPECT_EQ(
      Said("Pay 3.5 EUR.", "Zahlen Sie 3,5 EUR.", NumberFormat::kSource).text,
      "Zahlen Sie 3.5 EUR.");
  EXPECT_EQ(
      Said("Pay 3.5 EUR.", "Zahlen Sie 3.5 EUR.", NumberFormat::kTarget).text,
      "Zahlen Sie 3,5 EUR.");
}

TEST(NumberRepairTest, WhatIsRepeatedIsTakenOut) {
  struct Case {
    const char* source;
    const char* target;
    const char* mended;
  };
  for (const Case& c : std::vector<Case>{
           {"It rose by 86% last year.", "Es stieg um 86% im Jahr 86%.",
            "Es stieg um 86% im Jahr."},
           {"Pay 3,450.75 EUR.", "Zahlen Sie # EUR.# EUR.# EUR.",
            "Zahlen Sie 3,450.75 EUR."},
           {"Pay 345.75 EUR.", "Zahlen Sie 345.75 EUR.75 EUR.75 EUR.",
            "Zahlen Sie 345.75 EUR."},
           {"35 billion are due.", "35 Milliarden der 35 Milliarden.",
            "35 Milliarden der."},
           {"Take 36, 39 and 28.", "Nimm 36, 39, 28, 28.", "Nimm 36, 39, 28."},
           {"Built in the 20th century.",
            "Im 20. Jahrhundert im 20. Jahrhundert gebaut.",
            "Im 20. Jahrhundert gebaut."},
           {"Built in the 20th century.", "Im 20. Jahrhundert 20. gebaut.",
            "Im 20. Jahrhundert gebaut."},
           {"He saw 14 ministers.",
            "Er sah 14 Tory-Minister, die 14 Tory-Leute.",
            "Er sah 14 Tory-Minister, die Leute."},
           {"On July 4, 2016.", "Am 4. Juli 2016. Juli 2016. Juli 2016.",
            "Am 4. Juli 2016."},
           {"On December 11 it was.", "Am 11 am 11. Dezember war es.",
            "Am 11. Dezember war es."},
           {"On 5-6 days.", "An 5-6-6-6 Tagen.", "An 5-6 Tagen."},
       }) {
    const AssembledDocument out = Said(c.source, c.target);
    EXPECT_EQ(out.text, c.mended);
    EXPECT_FALSE(out.numbers_differ) << c.source;
    EXPECT_THAT(out.lost, IsEmpty()) << c.source;
  }
}

TEST(NumberRepairTest, NumbersInWordsAreOfTheSource) {
  // Neither is taken out nor told of.
  AssembledDocument out = Said("Two of the 2 are here.", "2 der 2 sind hier.");
  EXPECT_EQ(out.text, "2 der 2 sind hier.");
  EXPECT_FALSE(out.numbers_differ);
  out = Said("Twenty came.", "Es kamen 20.");
  EXPECT_FALSE(out.numbers_differ);
  out = Said("Many came.", "Es kamen 20.");
  EXPECT_EQ(out.text, "Es kamen 20.");
  EXPECT_TRUE(out.numbers_differ);
}

TEST(NumberRepairTest, MissingNumbersDoNotBecomeOneWithOthers) {
  EXPECT_EQ(Said("Take 596, 127 and 234.", "Nimm 596 und 234.").text,
            "Nimm 596, 127, 234.");
}

TEST(NumberRepairTest, SmallDigitsComeBack) {
  EXPECT_EQ(Said("It has 27.5m² or 3 m².", "Es hat 27.5m2 oder 3 m2.").text,
            "Es hat 27.5m² oder 3 m².");
}

}  // namespace
}  // namespace peregrine::document
