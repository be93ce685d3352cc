#include "compare/bleu.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::ElementsAre;

// What sacreBLEU says: testdata/make_bleu.py.
nlohmann::json Golden() {
  std::ifstream file(PEREGRINE_SOURCE_DIR "/compare/testdata/bleu.json");
  return nlohmann::json::parse(file);
}

TEST(BleuTest, TokensAreSacrebleus) {
  const nlohmann::json golden = Golden();
  ASSERT_GT(golden["tokens"].size(), 100u);
  for (const auto& line : golden["tokens"]) {
    const auto text = line["text"].get<std::string>();
    EXPECT_EQ(Tokenize13a(text), line["tokens"].get<std::vector<std::string>>())
        << text;
  }
}

TEST(BleuTest, ScoresAreSacrebleus) {
  const nlohmann::json golden = Golden();
  ASSERT_GT(golden["corpora"].size(), 16u);
  for (const auto& corpus : golden["corpora"]) {
    EXPECT_NEAR(CorpusBleu(corpus["hypotheses"], corpus["references"]),
                corpus["bleu"].get<double>(), 1e-9)
        << corpus;
  }
}

TEST(BleuTest, PointsStayInNumbers) {
  EXPECT_THAT(Tokenize13a("It cost 1,000.5 (or so)."),
              ElementsAre("It", "cost", "1,000.5", "(", "or", "so", ")", "."));
}

TEST(BleuTest, ShortTranslationsArePenalised) {
  const std::string reference = "a b c d e f g h";
  const double whole = CorpusBleu({reference}, {reference});
  EXPECT_NEAR(whole, 100, 1e-9);
  EXPECT_NEAR(CorpusBleu({"a b c d"}, {reference}), 100 * std::exp(-1), 1e-9);
}

}  // namespace
}  // namespace peregrine::compare
