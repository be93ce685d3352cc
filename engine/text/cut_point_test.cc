#include "engine/text/cut_point.h"

#include <gtest/gtest.h>

#include <string>

namespace peregrine::text {
namespace {

struct Case {
  const char* text;
  const char* head;  // "" where there is no place
};

TEST(CutPointTest, CutsAtClausesThenSpacesThenGraphemes) {
  const Case cases[] = {
      // A clause end, though a space is nearer to the middle.
      {"It rained all day, so we stayed at home", "It rained all day,"},
      {"He came home; she left the old house", "He came home;"},
      // One that is too far out is none.
      {"Yes, this is a sentence without any other clause in it at all",
       "Yes, this is a sentence without"},
      {"one two three four", "one two"},
      {"１２３４、５６７８", "１２３４、"},
      // White space of any kind.
      {"one\xC2\xA0two", "one"},
      {"一二三\xE3\x80\x80四五六", "一二三"},
      // A family of emoji, flags and letters with marks stay whole.
      {"👨‍👩‍👧👨‍👩‍👧", "👨‍👩‍👧"},
      {"🇩🇪🇫🇷", "🇩🇪"},
      {"e\xCC\x81\x65\xCC\x81", "e\xCC\x81"},
      {"क्षिक्षि", "क्षि"},
      {"👨‍👩‍👧", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    const std::string text = c.text;
    EXPECT_EQ(text.substr(0, CutPoint(text)), c.head) << text;
  }
}

TEST(CutPointTest, NeverCutsWhereItIsNotAllowed) {
  const std::string text = "one two three four";
  EXPECT_EQ(CutPoint(text, [](size_t at) { return at < 5; }), 3u);
  EXPECT_EQ(CutPoint(text, [](size_t) { return false; }), 0u);
}

}  // namespace
}  // namespace peregrine::text
