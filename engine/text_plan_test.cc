#include "engine/text_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
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

decode::Hypothesis MakeHypothesis(std::vector<int32_t> tokens,
                                  float score = 0.0f, bool truncated = false) {
  decode::Hypothesis hypothesis;
  hypothesis.tokens = std::move(tokens);
  hypothesis.score = score;
  hypothesis.truncated = truncated;
  return hypothesis;
}

// A translation into the same words: each sentence decoded as it was encoded.
std::string Echo(const TextPlan& plan) {
  std::vector<std::vector<decode::Hypothesis>> hypotheses;
  for (const auto& tokens : plan.sentences()) {
    hypotheses.push_back({MakeHypothesis(tokens)});
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
        plan.sentences().size(), {MakeHypothesis({10, 11}, -1.0f)});
    EXPECT_TRUE(plan.Assemble(BundledModel(), hypotheses).source_split);
  }
}

TEST(TextPlanTest, CutsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "\xc3\xa4\xc3\xb6";
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
      model,
      {{MakeHypothesis(tokens("a"), -1.0f), MakeHypothesis(tokens("b"), -2.0f)},
       {MakeHypothesis(tokens("c"), -4.0f, true)}});
  ASSERT_THAT(translation.hypotheses, SizeIs(2));
  EXPECT_EQ(translation.hypotheses[0].text, "a\nc");
  EXPECT_FLOAT_EQ(translation.hypotheses[0].score, -5.0f);
  EXPECT_EQ(translation.hypotheses[1].text, "b\nc");
  EXPECT_FLOAT_EQ(translation.hypotheses[1].score, -6.0f);
  EXPECT_TRUE(translation.truncated);
  EXPECT_FALSE(translation.source_split);
}

// Decoded into `text`.
TextTranslation Says(const TextPlan& plan, const char* text) {
  std::vector<std::vector<decode::Hypothesis>> hypotheses(
      plan.sentences().size(),
      {MakeHypothesis(BundledModel().target_tokenizer()->Encode(text))});
  return plan.Assemble(BundledModel(), hypotheses);
}

TEST(TextPlanTest, FlagsTellTheTruth) {
  const TextPlan plan =
      TextPlan::Make(BundledModel(), "He bought the old house.", false);
  TextTranslation good = Says(plan, "Er kaufte das alte Haus.");
  EXPECT_FALSE(good.source_copied || good.empty || good.numbers_differ ||
               good.repetition || good.unknown_source || good.truncated);
  EXPECT_THAT(good.lost, IsEmpty());
  EXPECT_TRUE(Says(plan, "He bought the old house.").source_copied);
  EXPECT_TRUE(Says(plan, "...").empty);
  EXPECT_TRUE(Says(plan, "Er kaufte 7 Häuser.").numbers_differ);
  EXPECT_TRUE(Says(plan, "das das das das das das das das das das").repetition);
  // A name stays as it is.
  EXPECT_FALSE(
      Says(TextPlan::Make(BundledModel(), "New York", false), "New York")
          .source_copied);
  EXPECT_TRUE(TextPlan::Make(BundledModel(), "Say 日本 now.", false)
                  .sentences()
                  .size() == 1);
  EXPECT_TRUE(Says(TextPlan::Make(BundledModel(), "Say 日本 now.", false), "x")
                  .unknown_source);
}

// The word of "a b c" that each of its tokens belongs to.
std::vector<size_t> WordsOfTokens(const text::Tokenizer& tokenizer,
                                  const std::vector<std::string>& words) {
  std::vector<size_t> owners;
  for (size_t i = 0; i < words.size(); ++i) {
    owners.insert(owners.end(), tokenizer.Encode(words[i]).size(), i);
  }
  return owners;
}

TEST(TextPlanTest, AlignmentsSayWhereASpanGoes) {
  const std::vector<std::string> source = {"one",  "two",  "three",
                                           "four", "five", "six"};
  const std::vector<std::string> target = {"sechs", "fünf", "vier",
                                           "drei",  "zwei", "eins"};
  const TextPlan plan =
      TextPlan::Make(BundledModel(), "one {x} two three four five six", false);
  ASSERT_THAT(plan.sentences(), SizeIs(1));
  EXPECT_TRUE(plan.NeedsAlignment(0));
  const auto from = WordsOfTokens(*BundledModel().source_tokenizer(), source);
  const auto to = WordsOfTokens(*BundledModel().target_tokenizer(), target);
  ASSERT_EQ(from.size(), plan.sentences()[0].size());
  decode::Hypothesis hypothesis;
  hypothesis.tokens =
      BundledModel().target_tokenizer()->Encode(absl::StrJoin(target, " "));
  ASSERT_EQ(to.size(), hypothesis.tokens.size());
  for (size_t word : to) {
    for (size_t other : from) {
      hypothesis.alignment.push_back(word + other + 1 == source.size());
    }
  }
  const auto says = [&] {
    return plan.Assemble(BundledModel(), {{hypothesis}}).hypotheses[0].text;
  };
  EXPECT_EQ(says(), "sechs fünf vier drei zwei {x} eins");
  // By order, where nothing is known.
  hypothesis.alignment.clear();
  EXPECT_EQ(says(), "sechs {x} fünf vier drei zwei eins");
  EXPECT_FALSE(
      TextPlan::Make(BundledModel(), "one two", false).NeedsAlignment(0));
}

TEST(TextPlanTest, OutputHoldsWhatTheVocabularyLacks) {
  const TextPlan plan = TextPlan::Make(
      BundledModel(), "See 日本 and 😀 at https://a.org/?x=1, {name}!", false);
  const std::string text = Says(plan, "Siehe und dort").hypotheses[0].text;
  for (const char* part : {"日本", "😀", "https://a.org/?x=1", "{name}"}) {
    EXPECT_THAT(text, testing::HasSubstr(part));
  }
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("\xEF\xBF\xBD")));
}

TEST(LooksLikeLoopTest, FindsShortPhrasesRepeatedOften) {
  EXPECT_TRUE(LooksLikeLoop(std::vector<int32_t>(8, 5)));
  EXPECT_FALSE(LooksLikeLoop(std::vector<int32_t>(7, 5)));
  EXPECT_TRUE(LooksLikeLoop({1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_FALSE(LooksLikeLoop({1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2}));
  EXPECT_TRUE(LooksLikeLoop({9, 8, 7, 1, 2, 1, 2, 1, 2, 1, 2, 6}));
  EXPECT_FALSE(LooksLikeLoop({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}));
  EXPECT_FALSE(LooksLikeLoop({}));
  // The source repeats itself, too.
  EXPECT_FALSE(
      LooksLikeLoop(std::vector<int32_t>(9, 5), std::vector<int32_t>(9, 7)));
  EXPECT_TRUE(
      LooksLikeLoop(std::vector<int32_t>(30, 5), std::vector<int32_t>(9, 7)));
}

}  // namespace
}  // namespace peregrine
