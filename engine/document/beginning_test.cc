#include "engine/document/beginning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/document/document_fixture.h"
#include "engine/document/given_beginning.h"
#include "engine/text/utf8.h"

namespace peregrine::document {
namespace {

// Longer or shorter than the source, with numbers, entities and letters of
// several bytes.
std::string RandomText(std::mt19937& random) {
  static const char* const kWords[] = {"das", "Größe",  "3",    "<b>", "&",
                                       "ist", "1,50",   "日本", "\"",  "ja.",
                                       "es",  "geht's", "Maß-", "a.b"};
  std::string text;
  for (size_t words = random() % 9; words > 0; --words) {
    absl::StrAppend(&text, text.empty() ? "" : " ", kWords[random() % 14]);
  }
  return text;
}

struct Case {
  const char* text;
  DocumentOptions options;
};

std::vector<Case> Cases() {
  DocumentOptions plain;
  DocumentOptions html;
  html.format = Format::kHtml;
  html.translate_attributes = true;
  DocumentOptions xml;
  xml.format = Format::kXml;
  DocumentOptions wrapped;
  wrapped.hard_wrapped = true;
  return {
      {"", plain},
      {"One sentence.", plain},
      {"  Two sentences. In one line.  \r\n", plain},
      {"A line.\n\nAnother one.\tA third?\n- And a list of 3\n- of two", plain},
      {"See https://a.org/b?c=d, write to jo@a.org. Hi {name}! No more.",
       plain},
      {"IT IS ALL CAPITALS. It Is A Title Of Words. And normal again.", plain},
      {"@jo THANKS A LOT FOR IT 😀. SEE YOU {x}. {y} and the end {z}", plain},
      {"{a} {b} All of it.\nSomething 😀 else 😀", plain},
      {"Double  spaces   inside. And 17 numbers. None here.", plain},
      {"<p>One <b>bold</b> word. And &amp; more.</p><h1>A title</h1>"
       "<img alt=\"A small picture\"> behind it. Last words.",
       html},
      {"<p title=\"Not yet\">Here <a href=\"x\" title=\"A tip\">is a link</a>."
       " Two. Three.</p>",
       html},
      {"<doc><t>One &lt; two.</t> Three words. <t/>Four</doc>", xml},
      {"A paragraph that is\nbroken into lines. It goes\non for a while.\n\n"
       "> A second one that\n> is quoted. Yes.\n\nThird one.",
       wrapped},
  };
}

// Segments grow and finish in any order, as on several workers.
void ExpectBeginnings(const Case& c, std::mt19937& random) {
  const Document document = ParseDocument(c.text, c.options);
  std::vector<SegmentTranslation> translations(document.segments().size());
  for (size_t i = 0; i < translations.size(); ++i) {
    SegmentTranslation& one = translations[i];
    one.text = RandomText(random);
    if (random() % 3 != 0) continue;
    const GivenBeginning given = BeginWith(
        document.segments()[i], random() % 2 == 0 ? "Da {x}" : "GR", "de");
    one.text = given.text + one.text;
    one.given_bytes = given.text.size();
    one.holds = given.holds;
  }
  const std::string whole = document.Assemble(translations).text;

  Beginning beginning(document);
  std::vector<size_t> open;
  for (size_t i = 0; i < translations.size(); ++i) open.push_back(i);
  std::vector<size_t> shown(translations.size(), 0);
  std::string before;
  const auto expect_more = [&] {
    ASSERT_TRUE(absl::StartsWith(whole, beginning.text())) << whole << "\n"
                                                           << beginning.text();
    ASSERT_TRUE(absl::StartsWith(beginning.text(), before));
    before = beginning.text();
  };
  expect_more();
  while (!open.empty()) {
    const size_t at = random() % open.size();
    const size_t segment = open[at];
    const std::string& text = translations[segment].text;
    if (shown[segment] < text.size() && random() % 3 != 0) {
      const size_t wanted = shown[segment] + 1 + random() % 9;
      shown[segment] =
          std::max(shown[segment], text::Utf8Prefix(text, wanted).size());
      SegmentTranslation begun = translations[segment];
      shown[segment] = std::max(shown[segment], begun.given_bytes);
      begun.text = text.substr(0, shown[segment]);
      beginning.Extend(segment, begun);
    } else {
      beginning.Finish(segment, translations[segment]);
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
    }
    expect_more();
  }
  EXPECT_EQ(beginning.text(), whole);
}

TEST(BeginningTest, IsABeginningOfWhatComes) {
  std::mt19937 random(1);
  for (const Case& c : Cases()) {
    for (int i = 0; i < 100; ++i) {
      SCOPED_TRACE(c.text);
      ExpectBeginnings(c, random);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(BeginningTest, ShowsWhatIsSureAtOnce) {
  const Document document = ParseDocument("- One. Two 7 words. Three.", {});
  ASSERT_EQ(document.segments().size(), 3u);
  Beginning beginning(document);
  EXPECT_EQ(beginning.text(), "- ");
  beginning.Extend(2, {"Drei", {}});
  EXPECT_EQ(beginning.text(), "- ");
  beginning.Extend(0, {"Ei", {}});
  EXPECT_EQ(beginning.text(), "- Ei");
  beginning.Finish(0, {"Eins.", {}});
  EXPECT_EQ(beginning.text(), "- Eins. ");
  // Its number may have to be mended.
  beginning.Extend(1, {"Zwei", {}});
  EXPECT_EQ(beginning.text(), "- Eins. ");
  beginning.Finish(1, {"Zwei 7 Worte.", {}});
  EXPECT_EQ(beginning.text(), "- Eins. Zwei 7 Worte. Drei");
}

TEST(BeginningTest, ShowsCapitalsWordByWordAndWhatStandsAtTheEnds) {
  const Document document =
      ParseDocument("@jo THANKS FOR ALL THAT 😀\nAsk {x} now.", {});
  ASSERT_EQ(document.segments().size(), 2u);
  Beginning beginning(document);
  beginning.Extend(0, {"Danke f", {}});
  EXPECT_EQ(beginning.text(), "@jo DANKE");
  beginning.Extend(0, {"Danke für alles", {}});
  EXPECT_EQ(beginning.text(), "@jo DANKE FÜR");
  beginning.Finish(0, {"Danke für alles das", {}});
  EXPECT_EQ(beginning.text(), "@jo DANKE FÜR ALLES DAS 😀\n");
  // Where this is put depends on all of the sentence, but for what is given.
  beginning.Extend(1, {"Frag jetzt {x}", {}, 5});
  EXPECT_EQ(beginning.text(), "@jo DANKE FÜR ALLES DAS 😀\nFrag ");
}

TEST(BeginningTest, EscapesAsTheDocumentDoes) {
  DocumentOptions options;
  options.format = Format::kHtml;
  const Document document = ParseDocument("<p>One &amp; two.</p>", options);
  Beginning beginning(document);
  beginning.Extend(0, {"Eins <", {}});
  EXPECT_EQ(beginning.text(), "<p>Eins &lt;");
}

}  // namespace
}  // namespace peregrine::document
