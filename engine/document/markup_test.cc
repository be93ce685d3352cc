#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <gumbo.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/document/document_fixture.h"

namespace peregrine::document {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

DocumentOptions Html() {
  DocumentOptions options;
  options.format = Format::kHtml;
  return options;
}

DocumentOptions Xml() {
  DocumentOptions options;
  options.format = Format::kXml;
  return options;
}

// The tags of a page as a browser's parser sees them. Siblings in order, or,
// where words may change places, sorted.
std::string TagsOf(const GumboNode& node, bool sorted) {
  if (node.type != GUMBO_NODE_ELEMENT && node.type != GUMBO_NODE_DOCUMENT) {
    return node.type == GUMBO_NODE_COMMENT ? "!" : "";
  }
  const GumboVector& children = node.type == GUMBO_NODE_DOCUMENT
                                    ? node.v.document.children
                                    : node.v.element.children;
  std::vector<std::string> inside;
  for (unsigned int i = 0; i < children.length; ++i) {
    inside.push_back(
        TagsOf(*static_cast<const GumboNode*>(children.data[i]), sorted));
  }
  inside.erase(std::remove(inside.begin(), inside.end(), ""), inside.end());
  if (sorted) std::sort(inside.begin(), inside.end());
  std::string name;
  if (node.type == GUMBO_NODE_ELEMENT) {
    name = gumbo_normalized_tagname(node.v.element.tag);
    const GumboVector& attributes = node.v.element.attributes;
    for (unsigned int i = 0; i < attributes.length; ++i) {
      const auto& attribute =
          *static_cast<const GumboAttribute*>(attributes.data[i]);
      absl::StrAppend(&name, " ", attribute.name, "=", attribute.value);
    }
  }
  return absl::StrCat("(", name, absl::StrJoin(inside, ""), ")");
}

std::string TagTree(const std::string& page, bool sorted) {
  GumboOutput* output = gumbo_parse(page.c_str());
  const std::string tags = TagsOf(*output->document, sorted);
  gumbo_destroy_output(&kGumboDefaultOptions, output);
  return tags;
}

const char* const kPages[] = {
    "",
    "  \n",
    "Hello <b>old</b> world.",
    " <p>One. <i>Two.</i> Three.</p>\n<p>Four.</p> ",
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head><title>A page</title>\n"
    "<style>p { color: red }</style></head>\n<body class='x'>\n"
    "<h1>Big <em>news</em></h1>\n<ul><li>One<li>Two <a href=\"/a?b=c&amp;d\""
    ">here</a></ul>\n<script>if (a < b && c) f(\"x. Y\");</script>\n"
    "<table><tr><td>Cell<td>Other</table>\n<!-- a comment -->\n"
    "<pre>as  it\n is</pre>\n</body>\n</html>\n",
    "Line<br>break and <img src=x.png alt=\"A cat\"> picture.",
    ("A <code>f(x)</code> call, <span translate=\"no\">Red Kite</span> and "
     "<span class=\"a notranslate\">Blue</span>."),
    "Fish &amp; chips &lt; 5 &euro; &copy; 2020 &nbsp; x",
    "<p>Before <i></i> and <b><i>deep</i> words</b> after.</p>",
    "<a href=\"x\">See <b>this</b></a>, <a href=\"y\">or that</a>.",
};

TEST(HtmlTest, AnEchoParsesToTheSameTreeAndText) {
  for (const char* page : kPages) {
    const std::string out = TranslateDocument(page, Html()).text;
    EXPECT_EQ(TagTree(out, false), TagTree(page, false)) << page;
  }
  // Where nothing was out of order, not a byte changes.
  for (int i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    EXPECT_EQ(TranslateDocument(kPages[i], Html()).text, kPages[i]);
  }
}

TEST(HtmlTest, TheModelSeesTextAlone) {
  EXPECT_THAT(
      Shown(kPages[4], Html()),
      ElementsAre("A page", "Big news", "One", "Two here", "Cell", "Other"));
  EXPECT_THAT(Shown(kPages[6], Html()), ElementsAre("A call, and."));
  EXPECT_THAT(Shown("<p>One. Two.</p>Three<div>Four</div>", Html()),
              ElementsAre("One.", "Two.", "Three", "Four"));
  EXPECT_THAT(Shown("<p>A line\n  broken.</p>", Html()),
              ElementsAre("A line broken."));
  for (const char* page : {"<b></b>", "<p><img src=x></p>", "<p>42</p>",
                           "<i>{x}</i>", "<script>a b</script>"}) {
    EXPECT_THAT(Shown(page, Html()), IsEmpty()) << page;
  }
}

TEST(HtmlTest, TagsFollowTheirWords) {
  // "the red car" -> "das Auto rot": the marked word is last.
  const auto translate = [](const Segment& segment) {
    SegmentTranslation translation{"das Auto rot", {}};
    translation.alignment.source = Units(segment.shown);
    translation.alignment.target = Units(translation.text);
    translation.alignment.weights = {1, 0, 0, 0, 0, 1, 0, 1, 0};
    return translation;
  };
  EXPECT_EQ(TranslateDocument("the <b>red</b> car", Html(), translate).text,
            "das Auto <b>rot</b>");
  EXPECT_EQ(TranslateDocument("the <b>red car</b>", Html(), translate).text,
            "das <b>Auto rot</b>");
  EXPECT_EQ(
      TranslateDocument("<i>the</i> <b>red</b> <u>car</u>", Html(), translate)
          .text,
      "<i>das</i> <u>Auto</u> <b>rot</b>");
}

TEST(HtmlTest, TextIsEscaped) {
  const auto says = [](const Segment&) {
    return SegmentTranslation{"a < b & c > \"d\"", {}};
  };
  EXPECT_EQ(TranslateDocument("<p>x</p>", Html(), says).text,
            "<p>a &lt; b &amp; c &gt; \"d\"</p>");
  DocumentOptions options = Html();
  options.translate_attributes = true;
  EXPECT_EQ(TranslateDocument("<img alt='x' src=\"y\">", options, says).text,
            "<img alt=\"a &lt; b &amp; c &gt; &quot;d&quot;\" src=\"y\">");
}

TEST(HtmlTest, AttributesAreTranslatedWhereAsked) {
  const std::string page =
      "<meta name=description content=\"About us\"><a title=\"Go there\" "
      "href=\"x\">Go</a><input placeholder='Your name' value=keep>"
      "<input type=submit value=\"Send it\">";
  EXPECT_THAT(Shown(page, Html()), ElementsAre("Go"));
  DocumentOptions options = Html();
  options.translate_attributes = true;
  EXPECT_THAT(Shown(page, options),
              testing::UnorderedElementsAre("About us", "Go there", "Go",
                                            "Your name", "Send it"));
  EXPECT_EQ(TagTree(TranslateDocument(page, options).text, false),
            TagTree(page, false));
}

SegmentTranslation NonsenseWithSigns(const Segment& segment,
                                     std::mt19937* random) {
  SegmentTranslation translation;
  for (size_t i = (*random)() % 8; i-- > 0;) {
    translation.text += (*random)() % 5 == 0 ? "<" : " w";
    translation.text += std::string((*random)() % 4, 'o');
  }
  translation.alignment.source = Units(segment.shown);
  translation.alignment.target = Units(translation.text);
  for (size_t i = 0; i < translation.alignment.source.size() *
                             translation.alignment.target.size();
       ++i) {
    translation.alignment.weights.push_back(
        static_cast<float>((*random)() % 100) / 100.0f);
  }
  return translation;
}

std::string RandomMarkup(std::mt19937* random, int depth) {
  static const char* const kTags[] = {"b", "i", "a", "span", "em", "x-y"};
  std::string markup;
  for (size_t i = (*random)() % 4; i-- > 0;) {
    switch ((*random)() % 6) {
      case 0:
        markup += "One word. ";
        break;
      case 1:
        markup += " and";
        break;
      case 2:
        markup += "<br>";
        break;
      default:
        if (depth == 0) {
          markup += " leaf ";
          break;
        }
        const char* tag = kTags[(*random)() % 6];
        // Links do not nest.
        if (tag[0] == 'a') tag = "u";
        absl::StrAppend(&markup, "<", tag, " id=\"", (*random)() % 1000, "\">",
                        RandomMarkup(random, depth - 1), "</", tag, ">");
    }
  }
  return markup;
}

TEST(HtmlTest, RandomMarkupKeepsItsTreeUnderAnyTranslation) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; ++round) {
    const std::string page =
        absl::StrCat("<div>", RandomMarkup(&random, 4), "</div>");
    ASSERT_EQ(TagTree(TranslateDocument(page, Html()).text, false),
              TagTree(page, false))
        << page;
    const std::string out =
        TranslateDocument(page, Html(), [&](const Segment& segment) {
          return NonsenseWithSigns(segment, &random);
        }).text;
    ASSERT_EQ(TagTree(out, true), TagTree(page, true)) << page << "\n" << out;
  }
}

TEST(HtmlTest, BrokenMarkupDegrades) {
  for (const char* page :
       {"<b>bold <i>both</b> italic</i>", "<p>a<p>b</b>", "x <= y & z", "<",
        "<a href=\"x>y", "</p></p>x", "<table>x<tr>y", "&#0;&#xD800;&foo;",
        "<b <i>x</i>", "<![CDATA[x]]>", "<!-- open", "<script>open",
        "<svg><a/>x</svg>", "<select><option>a<b>c</select>"}) {
    const std::string out = TranslateDocument(page, Html()).text;
    EXPECT_EQ(TagTree(out, false), TagTree(page, false)) << page << "\n" << out;
  }
  // So deep that a parser would run out of stack.
  std::string deep;
  for (int i = 0; i < 20000; ++i) deep += "<b>";
  deep += "Hello";
  EXPECT_EQ(TranslateDocument(deep, Html()).text, deep);
}

TEST(HtmlTest, PiecesOfPagesAndLineEndsStay) {
  for (const char* text : {
           "<td>Cell</td><td>two</td>",
           "<tr><td>Cell</td></tr>",
           "<!-- c --><thead><tr><th>Head</th></tr></thead>",
           "<col><col>",
           "<noscript><p>Please</p></noscript><p>Text</p>",
           "<option>One<option>Two",
           "<p>One</p>\r\n<p>two\r\nthree AT&amp;T x</p>\r\n",
           "<title>Page</title><p>Text</p>",
       }) {
    EXPECT_EQ(TranslateDocument(text, Html()).text, text);
  }
}

TEST(HtmlTest, SpansOnEitherSideOfATagAreTwo) {
  const std::string text =
      "<p>The <ruby>漢<rt>kan</rt>字<rt>ji</rt></ruby> and "
      "<b>{a}</b>/<i>{b}</i> are old.</p>";
  EXPECT_EQ(TranslateDocument(text, Html()).text, text);
}

TEST(HtmlTest, WhatIsTranslatedInsideWhatIsNot) {
  const std::string text =
      "<p translate=\"no\" title=\"A b\">Leave <b>this</b>, not <span "
      "translate=\"yes\">this one <i translate=\"no\">but this</i></span>.</p>"
      "<div class=\"notranslate\"><p>Leave</p><p translate=\"yes\">Take "
      "it</p></div>";
  EXPECT_THAT(Shown(text, Html()), ElementsAre("this one", "Take it"));
  EXPECT_EQ(TranslateDocument(text, Html()).text, text);
  EXPECT_THAT(
      Shown("<r translate=\"no\">A b. <s translate=\"yes\">C d.</s></r>",
            Xml()),
      ElementsAre("C d."));
}

TEST(XmlTest, AnEchoIsTheSame) {
  for (const char* text : {
           "<a/>",
           "<r>One. <b x=\"1\">Two</b> three.</r>",
           "<?xml version=\"1.0\"?>\n<r><t>Text</t><t/></r>\n",
           "Hello <g id=\"1\">world</g>, you.",
           "<r><code>a b</code><s translate=\"no\">c d</s><![CDATA[e]]></r>",
           "a &lt; b &amp; c",
           // Tags keep their bytes, namespaces theirs.
           "<a:r xmlns:a='urn:x'><a:p  a:k = 'v'>Hi <a:b>my</a:b> x</a:p "
           "></a:r>",
           "<r><e></e>a<e/> b<?p q?><!-- c --></r>\r\n<!-- d -->",
           "<!DOCTYPE r [<!ENTITY x \"y\">]>\r\n<r>Hi &x; b</r>\n<?p q?>\n",
           "<r translate=\"no\">A b. <s translate=\"yes\">C d.</s> E</r>",
           "<r>One\r\ntwo <b>a\r\nb</b></r>",
       }) {
    EXPECT_EQ(TranslateDocument(text, Xml()).text, text);
  }
}

TEST(XmlTest, TheModelSeesTextAlone) {
  EXPECT_THAT(
      Shown("<r><t>One <b>two</b>.</t><t>Three</t><code>x y</code></r>", Xml()),
      ElementsAre("One two.", "Three"));
  // Not well-formed: text with tags.
  EXPECT_THAT(Shown("<r>One <b>two.</r>", Xml()), ElementsAre("One two."));
  EXPECT_EQ(TranslateDocument("<r>One <b>two.</r>", Xml()).text,
            "<r>One <b>two.</r>");
}

TEST(XmlTest, ElementsEndSentencesAsTheyAreToldTo) {
  DocumentOptions options = Xml();
  const char kMixed[] = "<r>One <p>two</p> three <b>four <i>five</i></b></r>";
  EXPECT_THAT(Shown(kMixed, options), ElementsAre("One two three four five"));
  options.xml_elements.blocks = {"p"};
  EXPECT_THAT(Shown(kMixed, options),
              ElementsAre("One", "two", "three four five"));
  options.xml_elements.blocks = {"i", "x:p"};  // and so does what it stands in
  EXPECT_THAT(Shown(kMixed, options),
              ElementsAre("One two three", "four", "five"));
  const char kPrefixed[] =
      "<r xmlns:x=\"urn:x\">One <x:p>two</x:p> <p>three</p></r>";
  EXPECT_THAT(Shown(kPrefixed, options), ElementsAre("One", "two", "three"));

  options = Xml();
  const char kParts[] = "<r><p>One</p> <p>two</p> <q>three</q></r>";
  EXPECT_THAT(Shown(kParts, options), ElementsAre("One", "two", "three"));
  options.xml_elements.inlines = {"p"};
  EXPECT_THAT(Shown(kParts, options), ElementsAre("One two", "three"));
  options = Xml();
  options.xml_elements.by_content = false;
  EXPECT_THAT(Shown(kParts, options), ElementsAre("One two three"));
  options.xml_elements.blocks = {"q"};
  EXPECT_THAT(Shown(kParts, options), ElementsAre("One two", "three"));
  for (const char* text : {kMixed, kPrefixed, kParts, "a <q/> b", "<q>a"}) {
    EXPECT_EQ(TranslateDocument(text, options).text, text);
  }
}

TEST(XmlTest, SentencesAreLocated) {
  const std::string text =
      "<?xml version=\"1.0\"?>\r\n<r t=\"a>b\"><!-- One. --><t>A &amp; b. "
      "<b>C</b>\r\nd.</t><code>x</code><![CDATA[e]]><t>&#65;nd <g/>f</t></r>";
  const AssembledDocument out = TranslateDocument(text, Xml());
  std::vector<std::string> sources;
  std::vector<std::string> targets;
  for (const SentenceRanges& ranges : out.sentences) {
    sources.push_back(text.substr(ranges.source.begin, ranges.source.size()));
    targets.push_back(
        out.text.substr(ranges.target.begin, ranges.target.size()));
  }
  EXPECT_THAT(sources,
              ElementsAre("A &amp; b.", "C</b>\r\nd.", "&#65;nd <g/>f"));
  EXPECT_THAT(targets, ElementsAre("A &amp; b.", HasSubstr("d."), "And <g/>f"));
}

TEST(XmlTest, LoadsNothingAndExpandsNothing) {
  const std::string text =
      "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n"
      "<r>Hello &x; there</r>";
  const std::string out = TranslateDocument(text, Xml()).text;
  EXPECT_THAT(out, Not(HasSubstr("root:")));
  EXPECT_THAT(out, HasSubstr("&x;"));
  std::string bomb = "<!DOCTYPE r [<!ENTITY a \"aaaaaaaaaa\">";
  for (char c = 'b'; c < 'k'; ++c) {
    absl::StrAppend(&bomb, "<!ENTITY ", std::string(1, c), " \"");
    for (int i = 0; i < 10; ++i) {
      absl::StrAppend(&bomb, "&", std::string(1, static_cast<char>(c - 1)),
                      ";");
    }
    bomb += "\">";
  }
  bomb += "]><r>x &j; y</r>";
  EXPECT_LT(TranslateDocument(bomb, Xml()).text.size(), 2 * bomb.size());
}

TEST(GlossaryTest, ReadsTablesAndTbx) {
  const auto terms = Glossary::ParseTsv(
      "# a comment\nserver\tRechner\tServer\r\n\nRed Kite\n");
  ASSERT_TRUE(terms.ok()) << terms.status();
  ASSERT_EQ(terms->size(), 2u);
  EXPECT_THAT((*terms)[0].targets, ElementsAre("Rechner", "Server"));
  EXPECT_THAT((*terms)[1].targets, IsEmpty());
  EXPECT_THAT(Glossary::ParseTsv("a\tb\n\tc\n").status().message(),
              HasSubstr("line 2"));
  const auto tbx = Glossary::ParseTbx(
      "<?xml version=\"1.0\"?><tbx><text><body><conceptEntry id=\"1\">"
      "<langSec xml:lang=\"en-GB\"><termSec><term>server</term></termSec>"
      "</langSec><langSec xml:lang=\"de\"><termSec><term>Rechner</term>"
      "</termSec><termSec><term>Server</term></termSec></langSec>"
      "</conceptEntry></body></text></tbx>",
      "en", "de");
  ASSERT_TRUE(tbx.ok()) << tbx.status();
  ASSERT_EQ(tbx->size(), 1u);
  EXPECT_EQ((*tbx)[0].source, "server");
  EXPECT_THAT((*tbx)[0].targets, ElementsAre("Rechner", "Server"));
  EXPECT_THAT(Glossary::ParseTbx("<tbx", "en", "de").status().message(),
              HasSubstr("expected TBX"));
  EXPECT_THAT(Glossary::ParseTbx("<html/>", "en", "de").status().message(),
              HasSubstr("\"html\""));
}

TEST(GlossaryTest, FindsWholeWordsInAnyCase) {
  const auto glossary = *Glossary::Create({{"cold start", {"Kaltstart"}},
                                           {"start", {"beginnen"}},
                                           {"IT", {}, true}});
  const auto found = [&](absl::string_view text) {
    std::vector<std::string> parts;
    for (const TermMatch& match : glossary->Find(text)) {
      parts.push_back(
          absl::StrCat(text.substr(match.range.begin, match.range.size()), "=",
                       match.targets[0]));
    }
    return absl::StrJoin(parts, " | ");
  };
  EXPECT_EQ(found("A cold start, a COLD START."),
            "cold start=Kaltstart | COLD START=KALTSTART");
  EXPECT_EQ(found("Start it; restart IT."), "Start=Beginnen | IT=IT");
  EXPECT_EQ(found("nothing"), "");
  EXPECT_THAT(Glossary::Create({{"a", {}}, {" ", {}}}).status().message(),
              HasSubstr("term 1: the source is empty"));
  EXPECT_THAT(Glossary::Create({{"a", {}}, {"a", {}}}).status().message(),
              HasSubstr("is term 0, too"));
}

}  // namespace
}  // namespace peregrine::document
