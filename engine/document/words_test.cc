// Words of source and translation in bytes, and how they belong together.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/document/document_fixture.h"
#include "engine/document/units.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;

AssembledDocument Translated(absl::string_view text,
                             const DocumentOptions& options) {
  const Document document = ParseDocument(text, options);
  std::vector<SegmentTranslation> translations;
  for (const Segment& segment : document.segments()) {
    translations.push_back(Reverse(segment));
  }
  const AssembledDocument out =
      document.Assemble(translations, /*with_words=*/true);
  // To ask for words changes nothing else.
  EXPECT_EQ(document.Assemble(translations).text, out.text);
  return out;
}

std::string Cut(absl::string_view text, const ByteRange& range) {
  return std::string(text.substr(range.begin, range.size()));
}

// "source=target" of each word of the translation.
std::vector<std::string> Pairs(absl::string_view text,
                               const DocumentOptions& options) {
  const AssembledDocument out = Translated(text, options);
  std::vector<std::string> pairs;
  for (const TranslatedWord& word : out.words) {
    const auto best =
        std::max_element(word.weights.begin(), word.weights.end());
    const size_t source =
        word.first_source + static_cast<size_t>(best - word.weights.begin());
    pairs.push_back(absl::StrCat(Cut(text, out.source_words[source]), "=",
                                 Cut(out.text, word.target)));
  }
  return pairs;
}

TEST(WordsTest, OfPlainText) {
  EXPECT_THAT(
      Pairs("One  two. Drei vier", {}),
      ElementsAre(".=.", "two=two", "One=One", "vier=vier", "Drei=Drei"));
  EXPECT_THAT(Pairs(" - See https://a.org/b now 😀", {}),
              ElementsAre("now=now", "See=See"));
}

// The model sees a short number instead of a long one.
TEST(WordsTest, OfLongNumbers) {
  const std::vector<std::string> pairs =
      Pairs("Call 0049 30 1234567890 now, or 12345678901234 then", {});
  EXPECT_THAT(pairs, testing::Contains("Call=Call"));
  EXPECT_THAT(pairs, testing::Contains("now=now"));
  EXPECT_THAT(pairs, testing::Contains("12345678901234=12345678901234"));
}

TEST(WordsTest, OfCapitals) {
  EXPECT_THAT(Pairs("READ THE WHOLE TEXT", {}),
              ElementsAre("TEXT=TEXT", "WHOLE=WHOLE", "THE=THE", "READ=READ"));
}

TEST(WordsTest, OfMarkup) {
  DocumentOptions html;
  html.format = Format::kHtml;
  EXPECT_THAT(Pairs("<p>Caf&eacute; <b>au</b> lait &amp; th&eacute;</p>", html),
              ElementsAre("th&eacute;=thé", "&amp;=&amp;", "lait=lait", "au=au",
                          "Caf&eacute;=Café"));
  DocumentOptions xml;
  xml.format = Format::kXml;
  EXPECT_THAT(Pairs("<a>Caf&#233; <b>au</b> lait &lt;</a>", xml),
              ElementsAre("&lt;=&lt;", "lait=lait", "au=au", "Caf&#233;=Café"));
}

TEST(WordsTest, OfAttributes) {
  DocumentOptions html;
  html.format = Format::kHtml;
  html.translate_attributes = true;
  EXPECT_THAT(Pairs("<p>See <img alt=\"two dogs\"> here</p>", html),
              testing::UnorderedElementsAre("here=here", "See=See", "dogs=dogs",
                                            "two=two"));
}

TEST(WordsTest, OfHardWrappedText) {
  DocumentOptions wrapped;
  wrapped.hard_wrapped = true;
  EXPECT_THAT(Pairs("> One two\r\n> three four\r\n\r\nFive six\r\n", wrapped),
              ElementsAre("four=four", "three=three", "two=two", "One=One",
                          "six=six", "Five=Five"));
}

// A sentence ends where its last character ends, which may be an entity.
TEST(WordsTest, SentencesEndBehindEntities) {
  for (const Format format : {Format::kHtml, Format::kXml}) {
    DocumentOptions options;
    options.format = format;
    const std::string text = "<p>He said &quot;yes&quot;</p>";
    const AssembledDocument out = Translated(text, options);
    ASSERT_EQ(out.sentences.size(), 1u);
    EXPECT_EQ(Cut(text, out.sentences[0].source), "He said &quot;yes&quot;");
  }
}

// Any text: words lie within it, in order and apart, and are those of the text.
TEST(WordsTest, OfAnyText) {
  static const char* const kPieces[] = {
      "the", "House", "é", "日本",  "3.5",          " ",       "  ", "\n", ".",
      ",",   "{x}",   "😀", "RX-12", "123456789012", "a@b.org", "ABC"};
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    for (size_t count = random() % 12; count > 0; --count) {
      absl::StrAppend(&text, kPieces[random() % 16]);
    }
    DocumentOptions options;
    options.single_sentence = i % 2 == 0;
    options.hard_wrapped = i % 3 == 0;
    const AssembledDocument out = Translated(text, options);
    size_t end = 0;
    for (const ByteRange& word : out.source_words) {
      ASSERT_GE(word.begin, end) << text;
      ASSERT_GT(word.end, word.begin) << text;
      ASSERT_LE(word.end, text.size()) << text;
      EXPECT_GE(Units(Cut(text, word)).size(), 1u) << text;
      end = word.end;
    }
    end = 0;
    for (const TranslatedWord& word : out.words) {
      ASSERT_GE(word.target.begin, end) << text << "\n" << out.text;
      ASSERT_LE(word.target.end, out.text.size());
      ASSERT_LE(word.first_source + word.weights.size(),
                out.source_words.size());
      end = word.target.end;
      float sum = 0.0f;
      for (float weight : word.weights) sum += weight;
      EXPECT_TRUE(sum == 0.0f || std::abs(sum - 1.0f) < 1e-3f) << sum;
    }
  }
}

}  // namespace
}  // namespace peregrine::document
