#include "compare/workload.h"

#include <algorithm>
#include <numeric>

#include "engine/shapes/paper_shapes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

double Mean(const std::vector<int>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), 0.0) /
         static_cast<double>(lengths.size());
}

TEST(WorkloadTest, LengthsAreThoseOfTheBenchmark) {
  for (const int count : {20, 1000}) {
    const std::vector<int> lengths = SentenceLengths(count, 1, 100);
    ASSERT_EQ(lengths.size(), static_cast<std::size_t>(count));
    EXPECT_NEAR(Mean(lengths), 27, 1.0) << count;
    EXPECT_GE(*std::min_element(lengths.begin(), lengths.end()), 3);
    EXPECT_LE(*std::max_element(lengths.begin(), lengths.end()), 100);
  }
}

TEST(WorkloadTest, TheSeedDecidesTheOrderOnly) {
  std::vector<int> first = SentenceLengths(50, 1, 100);
  std::vector<int> second = SentenceLengths(50, 2, 100);
  EXPECT_EQ(first, SentenceLengths(50, 1, 100));
  EXPECT_NE(first, second);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  EXPECT_EQ(first, second);
}

TEST(WorkloadTest, NoneIsLongerThanAModelTakes) {
  const std::vector<int> lengths = SentenceLengths(100, 1, 20);
  EXPECT_EQ(*std::max_element(lengths.begin(), lengths.end()), 20);
}

TEST(WorkloadTest, OutputsAreForced) {
  const model::ModelConfig& config = shapes::PaperShapes().front().config;
  const auto sentences = MakeSentences({5, 9, 7}, config, 4);
  ASSERT_EQ(sentences.size(), 3u);
  int last = 100;
  for (const decode::SentenceInput& sentence : sentences) {
    const int length = static_cast<int>(sentence.source.size());
    EXPECT_LT(length, last);  // the longest first
    last = length;
    EXPECT_EQ(sentence.options.min_length, length);
    EXPECT_EQ(sentence.options.max_length, length);
    EXPECT_EQ(sentence.options.beam_size, 4);
    for (const std::int32_t id : sentence.source) {
      EXPECT_GE(id, 4);
      EXPECT_LT(id, config.architecture.source_vocab_size);
    }
  }
}

}  // namespace
}  // namespace peregrine::compare
