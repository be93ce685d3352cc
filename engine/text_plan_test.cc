#include "engine/text_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/translation_model.h"

namespace peregrine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const TranslationModel& BundledModel() {
  static const TranslationModel* const model = [] {
    auto loaded = TranslationModel::Load(
        PEREGRINE_SOURCE_DIR "/models/en-de-mdn", kernels::Device::kCpu);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded->release();
  }();
  return *model;
}

// A translation into the same words: each sentence decoded as it was encoded.
std::string Echo(const TextPlan& plan) {
  std::vector<std::vector<decode::Hypothesis>> hypotheses;
  for (const auto& tokens : plan.sentences()) {
    hypotheses.push_back({{tokens, 0.0f, false}});
  }
  return plan.Assemble(BundledModel(), hypotheses).hypotheses[0].text;
}

TEST(TextPlanTest, KeepsWhiteSpaceBetweenSentencesAndLines) {
  for (const std::string text :
       {"One sentence.", "Two sentences. In one line.",
        "  Leading and trailing.  \n", "A line.\n\nAnother one.\tA third?\r\n",
        "No full stop\nand a second line"}) {
    EXPECT_EQ(Echo(TextPlan::Make(BundledModel(), text, false)), text);
  }
  EXPECT_THAT(
      TextPlan::Make(BundledModel(), "One. Two.\nThree.", false).sentences(),
      SizeIs(3));
  EXPECT_THAT(
      TextPlan::Make(BundledModel(), " One. Two.\nThree. ", true).sentences(),
      SizeIs(1));
}

TEST(TextPlanTest, WhiteSpaceAloneIsReturnedAsItIs) {
  for (const std::string text : {"", " ", "\n\t \r\n"}) {
    for (bool single_sentence : {false, true}) {
      const TextPlan plan =
          TextPlan::Make(BundledModel(), text, single_sentence);
      EXPECT_THAT(plan.sentences(), IsEmpty());
      EXPECT_EQ(Echo(plan), text);
    }
  }
}

TEST(TextPlanTest, CutsWhatIsTooLongAndSaysSo) {
  const int max_tokens = BundledModel().max_source_tokens();
  std::string words;
  for (int i = 0; i < 3000; ++i) words += i == 0 ? "word" : " word";
  const std::string one_word(20000, 'x');
  for (const std::string& text : {words, one_word}) {
    const TextPlan plan = TextPlan::Make(BundledModel(), text, true);
    EXPECT_GT(plan.sentences().size(), 1u);
    for (const auto& sentence : plan.sentences()) {
      EXPECT_FALSE(sentence.empty());
      EXPECT_LE(static_cast<int>(sentence.size()), max_tokens);
    }
    EXPECT_EQ(Echo(plan), text) << "nothing is lost";
    std::vector<std::vector<decode::Hypothesis>> hypotheses(
        plan.sentences().size(), {{{10, 11}, -1.0f, false}});
    EXPECT_TRUE(plan.Assemble(BundledModel(), hypotheses).source_split);
  }
}

TEST(TextPlanTest, CutsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "\xf0\x9f\xa6\x85";  // eagles
  const TextPlan plan = TextPlan::Make(BundledModel(), text, false);
  EXPECT_GT(plan.sentences().size(), 1u);
  EXPECT_EQ(Echo(plan), text);
}

TEST(TextPlanTest, NthHypothesisIsMadeOfTheNthBest) {
  const TranslationModel& model = BundledModel();
  const TextPlan plan = TextPlan::Make(model, "One.\nTwo.", false);
  ASSERT_THAT(plan.sentences(), SizeIs(2));
  const auto tokens = [&](const char* text) {
    return model.target_tokenizer()->Encode(text);
  };
  const TextTranslation translation = plan.Assemble(
      model, {{{tokens("a"), -1.0f, false}, {tokens("b"), -2.0f, false}},
              {{tokens("c"), -4.0f, true}}});
  ASSERT_THAT(translation.hypotheses, SizeIs(2));
  EXPECT_EQ(translation.hypotheses[0].text, "a\nc");
  EXPECT_FLOAT_EQ(translation.hypotheses[0].score, -5.0f);
  EXPECT_EQ(translation.hypotheses[1].text, "b\nc");
  EXPECT_FLOAT_EQ(translation.hypotheses[1].score, -6.0f);
  EXPECT_TRUE(translation.truncated);
  EXPECT_FALSE(translation.source_split);
}

TEST(LooksLikeLoopTest, FindsShortPhrasesRepeatedOften) {
  EXPECT_TRUE(LooksLikeLoop(std::vector<int32_t>(8, 5)));
  EXPECT_FALSE(LooksLikeLoop(std::vector<int32_t>(7, 5)));
  EXPECT_TRUE(LooksLikeLoop({1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_FALSE(LooksLikeLoop({1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2}));
  EXPECT_TRUE(LooksLikeLoop({9, 8, 7, 1, 2, 1, 2, 1, 2, 1, 2, 6}));
  EXPECT_FALSE(LooksLikeLoop({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_FALSE(LooksLikeLoop({}));
}

}  // namespace
}  // namespace peregrine
