#include "server/service/pivot.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using document::ByteRange;
using document::SentenceRanges;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(PivotTest, TheFirstModelIsAskedForNoMoreThanASoundText) {
  TextRequest request;
  request.head.options.beam_size = 3;
  request.head.options.num_hypotheses = 2;
  request.head.options.max_length = 5;
  request.head.options.target_prefix = RequestPhrase{"Der", {}};
  request.head.options.sampling.emplace();
  request.head.options.repetition_penalty = 1.2f;
  request.text_options.format = document::Format::kHtml;
  request.text_options.terms = {{"house", {"maison"}, true}};
  request.texts.push_back({"A house.", request.head.options, {{2, 7}}});
  request.returns_stable_text = true;
  const TextRequest first = FirstLegOf(request);
  for (const RequestOptions& options :
       {first.head.options, first.texts[0].options}) {
    EXPECT_EQ(options.beam_size, 3);
    EXPECT_EQ(options.repetition_penalty, 1.2f);
    EXPECT_FALSE(options.num_hypotheses.has_value());
    EXPECT_FALSE(options.max_length.has_value());
    EXPECT_FALSE(options.target_prefix.has_value());
    EXPECT_FALSE(options.sampling.has_value());
  }
  EXPECT_FALSE(first.returns_stable_text);
  EXPECT_EQ(first.texts[0].text, "A house.");
  EXPECT_EQ(first.texts[0].protected_ranges.size(), 1u);
  EXPECT_EQ(first.text_options.format, document::Format::kHtml);
  ASSERT_EQ(first.text_options.terms.size(), 1u);
  EXPECT_TRUE(first.text_options.terms[0].targets.empty());
  EXPECT_TRUE(first.text_options.terms[0].case_sensitive);
}

TEST(PivotTest, AlignmentsNeedOneModel) {
  RequestOptions options;
  Violations violations;
  CheckPivotOptions(options, "options", violations);
  EXPECT_TRUE(violations.status().ok());
  options.return_alignments = true;
  CheckPivotOptions(options, "texts[1].options", violations);
  EXPECT_THAT(std::string(violations.status().message()),
              HasSubstr("texts[1].options.return_alignments: found true"));
}

std::string Texts(absl::string_view text,
                  const std::vector<ByteRange>& ranges) {
  std::string texts;
  for (const ByteRange& range : ranges) {
    texts += "[" +
             std::string(text.substr(range.begin, range.end - range.begin)) +
             "]@" + std::to_string(range.begin);
  }
  return texts;
}

TEST(PivotTest, ProtectedRangesAreFoundAgain) {
  const std::string source = "Take AB and A to AB.";
  const std::vector<ByteRange> ranges = {{5, 7}, {12, 13}, {17, 19}};
  const auto found = [&](const std::string& intermediate) {
    return Texts(intermediate, RangesIn(intermediate, source, ranges));
  };
  EXPECT_EQ(found("AB und A nach AB"), "[AB]@0[A]@7[AB]@14");
  EXPECT_EQ(found("nach AB A"), "[AB]@5[A]@8");
  EXPECT_EQ(found("nichts"), "");
  EXPECT_EQ(found(""), "");
}

SentenceRanges Ranges(size_t source, size_t source_end, size_t target,
                      size_t target_end) {
  return {{source, source_end}, {target, target_end}};
}

std::string Spelled(const std::vector<SentenceRanges>& all) {
  std::string text;
  for (const SentenceRanges& one : all) {
    for (const ByteRange& range : {one.source, one.target}) {
      text +=
          std::to_string(range.begin) + "-" + std::to_string(range.end) + " ";
    }
  }
  return text;
}

TEST(PivotTest, AnAnswerTellsOfBothModels) {
  TranslatedText first, last;
  first.translation.hypotheses = {{"ein Text", -1.0f, {}}};
  first.translation.truncated = true;
  first.translation.lost = {{document::SpanKind::kUrl, "a.b", 0, 1}};
  first.translation.sentences = {Ranges(0, 10, 0, 20), Ranges(11, 20, 21, 30)};
  first.cost.decode = absl::Milliseconds(3);
  first.cost.source_tokens = 4;
  first.cost.sentences = 2;
  first.cost.cached_sentences = 1;
  last.translation.hypotheses = {{"un texte", -2.0f, {}}};
  last.translation.numbers_differ = true;
  last.translation.sentences = {Ranges(0, 20, 0, 15), Ranges(21, 30, 16, 33)};
  last.cost.decode = absl::Milliseconds(5);
  last.cost.source_tokens = 6;
  last.cost.sentences = 2;
  last.cost.device = "cpu";
  AddFirstLeg(first, last);
  EXPECT_EQ(last.translation.hypotheses[0].text, "un texte");
  EXPECT_EQ(last.translation.hypotheses[0].score, -2.0f);
  EXPECT_TRUE(last.translation.truncated);
  EXPECT_TRUE(last.translation.numbers_differ);
  EXPECT_FALSE(last.translation.repetition);
  ASSERT_EQ(last.translation.lost.size(), 1u);
  EXPECT_EQ(last.translation.lost[0].text, "a.b");
  EXPECT_EQ(Spelled(last.translation.sentences), "0-10 0-15 11-20 16-33 ");
  EXPECT_EQ(last.cost.decode, absl::Milliseconds(8));
  EXPECT_EQ(last.cost.source_tokens, 10);
  EXPECT_EQ(last.cost.sentences, 4);
  EXPECT_EQ(last.cost.cached_sentences, 1);
  EXPECT_EQ(last.cost.device, "cpu");
  ASSERT_TRUE(last.intermediate.has_value());
  const TextTranslation& between = last.intermediate->translation;
  EXPECT_EQ(between.hypotheses[0].text, "ein Text");
  EXPECT_TRUE(between.truncated);
  EXPECT_FALSE(between.numbers_differ);
  EXPECT_EQ(last.intermediate->cost.decode, absl::Milliseconds(3));
}

TEST(PivotTest, SentencesThatTheModelsCutDifferentlyAreOne) {
  TranslatedText first, last;
  first.translation.hypotheses.resize(1);
  first.translation.sentences = {Ranges(0, 10, 0, 20), Ranges(11, 20, 21, 30),
                                 Ranges(21, 25, 31, 40)};
  // One of two; and two of one.
  last.translation.sentences = {Ranges(0, 30, 0, 9), Ranges(31, 35, 10, 12),
                                Ranges(36, 40, 13, 15)};
  AddFirstLeg(first, last);
  EXPECT_EQ(Spelled(last.translation.sentences), "0-20 0-9 21-25 10-15 ");
}

}  // namespace
}  // namespace peregrine::server
