#include "engine/document/given_beginning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "engine/document/document_fixture.h"

namespace peregrine::document {
namespace {

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
TEST(GivenBeginningTest, ATranslationBeginsAsItIsGiven) {
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

TEST(GivenBeginningTest, TheModelIsNotToldWhatIsSetAside) {
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
