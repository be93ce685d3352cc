#include "engine/token_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/translation_model.h"

namespace peregrine {
namespace {

using testing::ElementsAre;

const text::Tokenizer& BundledTokenizer() {
  static const TranslationModel* const model = [] {
    auto loaded = TranslationModel::Load(
        PEREGRINE_SOURCE_DIR "/models/en-de-mdn", kernels::Device::kCpu);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded->release();
  }();
  return *model->source_tokenizer();
}

// Where each word of `text`, given by its tokens, begins and ends.
std::vector<std::string> Words(const std::vector<std::string>& words,
                               const std::string& text) {
  std::vector<int32_t> tokens;
  std::vector<size_t> ends;
  for (const std::string& word : words) {
    for (int32_t id : BundledTokenizer().Encode(word)) tokens.push_back(id);
    ends.push_back(tokens.size());
  }
  const auto ranges = TokenRanges(BundledTokenizer(), text, tokens);
  EXPECT_EQ(ranges.size(), tokens.size());
  std::vector<std::string> found;
  size_t begin = 0;
  for (size_t end : ends) {
    const size_t first = ranges[begin].begin;
    found.push_back(text.substr(first, ranges[end - 1].end - first));
    begin = end;
  }
  return found;
}

TEST(TokenRangesTest, AreBytesOfTheText) {
  EXPECT_THAT(
      Words({"Extraordinary", "houses", "stand"}, "Extraordinary houses stand"),
      ElementsAre("Extraordinary", " houses", " stand"));
}

TEST(TokenRangesTest, AreFoundWordByWordWhereTheTextIsSpeltOtherwise) {
  // The vocabulary's spelling of a full-width letter is the usual one.
  EXPECT_THAT(Words({"A", "house", "stands"}, "\xEF\xBC\xA1 house stands"),
              ElementsAre("\xEF\xBC\xA1 ", "house ", "stands"));
}

TEST(TokenRangesTest, OfLongTextsAreThoseOfTheirPieces) {
  std::string text;
  for (int i = 0; i < 12; ++i) {
    if (i > 0) text += ' ';
    text += "Extraordinary houses stand behind Mr. Smith's gate!";
  }
  const std::vector<int32_t> tokens = BundledTokenizer().Encode(text);
  ASSERT_GT(tokens.size(), 100u);
  const auto ranges = TokenRanges(BundledTokenizer(), text, tokens);
  // What every beginning of it says.
  const absl::Span<const int32_t> all = tokens;
  for (size_t i = 0; i < tokens.size(); ++i) {
    EXPECT_EQ(text.substr(0, ranges[i].end),
              BundledTokenizer().Decode(all.first(i + 1)))
        << i;
  }
}

TEST(TokenRangesTest, NeverGoBackNorBeyondTheText) {
  const std::string text = "x";
  size_t last = 0;
  for (const document::ByteRange& range :
       TokenRanges(BundledTokenizer(), text,
                   BundledTokenizer().Encode("many more words than that"))) {
    EXPECT_EQ(range.begin, last);
    EXPECT_GE(range.end, range.begin);
    EXPECT_LE(range.end, text.size());
    last = range.end;
  }
}

}  // namespace
}  // namespace peregrine
