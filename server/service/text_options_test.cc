#include "server/service/text_options.h"

#include <string>

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

std::string Check(const RequestTextOptions& options) {
  Violations violations;
  CheckTextOptions(options, violations);
  return std::string(violations.status().message());
}

std::string CheckRange(document::ByteRange range,
                       document::Format format = document::Format::kPlain) {
  RequestText text;
  text.text = "a\xC3\xA4z";
  text.protected_ranges = {range};
  RequestTextOptions options;
  options.format = format;
  Violations violations;
  CheckRanges(text, options, "texts[3]", violations);
  return std::string(violations.status().message());
}

TEST(CheckTextOptionsTest, TakesWhatItKnows) {
  RequestTextOptions options;
  options.unprotected = {"url", "emoji"};
  options.patterns = {"ID-\\d+"};
  options.terms = {{"house", {"Haus"}, false}, {"Red Kite", {}, true}};
  options.keep_capitals = true;
  Violations violations;
  const document::DocumentOptions checked =
      CheckTextOptions(options, violations);
  EXPECT_TRUE(violations.status().ok()) << violations.status();
  EXPECT_FALSE(checked.kinds.Has(document::SpanKind::kUrl));
  EXPECT_FALSE(checked.kinds.Has(document::SpanKind::kEmoji));
  EXPECT_TRUE(checked.kinds.Has(document::SpanKind::kEmail));
  EXPECT_EQ(checked.patterns.size(), 1u);
  EXPECT_EQ(checked.glossaries[0]->size(), 2u);
  EXPECT_FALSE(checked.restore_capitals);
}

TEST(CheckTextOptionsTest, NamesWhatIsWrong) {
  RequestTextOptions options;
  options.unprotected = {"url", "urls"};
  EXPECT_EQ(Check(options).find(
                "text_options.unprotected[1]: found \"urls\", allowed are url"),
            0u);
  options = {};
  options.format = static_cast<document::Format>(8);
  EXPECT_EQ(Check(options).find("text_options.format: found 9, allowed are"),
            0u);
  options = {};
  options.number_format = static_cast<document::NumberFormat>(7);
  EXPECT_EQ(Check(options).find("text_options.number_format: found 7"), 0u);
  options = {};
  options.patterns = {"[a"};
  EXPECT_EQ(Check(options).find("text_options.patterns: pattern 0"), 0u);
  options = {};
  options.terms = {{"a", {}, false}, {"", {}, false}};
  EXPECT_EQ(Check(options), "text_options.terms: term 1: the source is empty");
  options.terms.assign(10001, {"a", {}, false});
  EXPECT_EQ(Check(options),
            "text_options.terms: found 10001, allowed 0 to 10000");
}

TEST(CheckRangesTest, AreWholeCharactersOfPlainText) {
  EXPECT_EQ(CheckRange({0, 4}), "");
  EXPECT_EQ(CheckRange({1, 3}), "");
  for (const document::ByteRange range :
       {document::ByteRange{1, 1}, {2, 3}, {1, 2}, {3, 5}, {4, 1}}) {
    EXPECT_EQ(CheckRange(range).find("texts[3].protected_ranges[0]: found ["),
              0u)
        << range.begin << " " << range.end;
  }
  EXPECT_EQ(CheckRange({0, 1}, document::Format::kHtml),
            "texts[3].protected_ranges: allowed for plain text only");
}

}  // namespace
}  // namespace peregrine::server
