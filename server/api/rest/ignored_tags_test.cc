#include "server/api/rest/ignored_tags.h"

#include "gtest/gtest.h"

namespace peregrine::server::rest {
namespace {

TEST(IgnoredTagsTest, StartTagsAreMarkedAndTheMarksTakenAway) {
  const char kXml[] =
      "<r>a <keep>b</keep> <keep id='1'/> <keeper>c</keeper> <KEEP>d</KEEP> < "
      "keep <x><y>";
  const std::string marked = MarkIgnored(kXml, {"keep", "x"}, false);
  const std::string mark = " translate=\"no\" data-peregrine-ignored=\"\"";
  EXPECT_EQ(marked, "<r>a <keep" + mark + ">b</keep> <keep" + mark +
                        " id='1'/> <keeper>c</keeper> <KEEP>d</KEEP> < keep "
                        "<x" +
                        mark + "><y>");
  EXPECT_EQ(WithoutMarks(marked), kXml);
  EXPECT_EQ(MarkIgnored("<P>", {"p"}, true), "<P" + mark + ">");
}

TEST(IgnoredTagsTest, AnythingComesBack) {
  for (const char* text : {"", "<", "a", "<<keep", "keep", "</keep>", "a<"}) {
    EXPECT_EQ(WithoutMarks(MarkIgnored(text, {"keep", ""}, false)), text);
  }
}

}  // namespace
}  // namespace peregrine::server::rest
