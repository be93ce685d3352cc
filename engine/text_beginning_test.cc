#include "engine/text_beginning.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"

namespace peregrine {
namespace {

const TranslationModel& BundledModel() {
  static const TranslationModel* const model = [] {
    auto loaded = TranslationModel::Load(
        PEREGRINE_SOURCE_DIR "/models/en-de-mdn", kernels::Device::kCpu);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded->release();
  }();
  return *model;
}

// Any tokens, unknown ones and parts of characters among them.
decode::Hypothesis RandomHypothesis(std::mt19937& random) {
  const int32_t unknown = BundledModel().target_tokenizer()->unk_id();
  decode::Hypothesis hypothesis;
  for (size_t count = random() % 12; count > 0; --count) {
    const bool is_special = random() % 3 == 0;
    hypothesis.tokens.push_back(
        is_special
            ? static_cast<int32_t>(random() % 270)
            : static_cast<int32_t>(
                  random() % BundledModel().target_tokenizer()->vocab_size()));
    if (random() % 6 == 0) hypothesis.tokens.push_back(unknown);
  }
  return hypothesis;
}

TEST(TextBeginningTest, AnyTokensBeginTheTextThatTheyBecome) {
  std::mt19937 random(5);
  for (const std::string text :
       {"One sentence.", "Two of them. Here is the other!\n\tAnd a third.",
        "It costs 20 euros \xE2\x81\x87 at https://a.org. Really? Yes."}) {
    const TextPlan plan = TextPlan::Make(BundledModel(), text, false);
    for (int i = 0; i < 300; ++i) {
      std::vector<std::vector<decode::Hypothesis>> hypotheses;
      for (size_t s = 0; s < plan.sentences().size(); ++s) {
        hypotheses.push_back({RandomHypothesis(random)});
      }
      const std::string whole =
          plan.Assemble(BundledModel(), hypotheses).hypotheses[0].text;
      TextBeginning beginning(plan, BundledModel());
      size_t before = 0;
      const auto expect_more = [&] {
        EXPECT_TRUE(absl::StartsWith(whole, beginning.text()))
            << whole << "\n"
            << beginning.text();
        EXPECT_GE(beginning.text().size(), before);
        before = beginning.text().size();
      };
      for (size_t s = 0; s < hypotheses.size(); ++s) {
        const std::vector<int32_t>& tokens = hypotheses[s][0].tokens;
        for (size_t count = 1; count <= tokens.size(); ++count) {
          beginning.Extend(s, absl::MakeConstSpan(tokens).first(count));
          expect_more();
        }
        beginning.Finish(s, hypotheses[s][0]);
        expect_more();
      }
      EXPECT_EQ(beginning.text(), whole);
    }
  }
}

TEST(TextBeginningTest, ATokenIsSeenAtOnce) {
  const TextPlan plan = TextPlan::Make(BundledModel(), "A garden.", true);
  const std::vector<int32_t> tokens =
      BundledModel().target_tokenizer()->Encode("Ein Garten");
  TextBeginning beginning(plan, BundledModel());
  beginning.Extend(0, tokens);
  EXPECT_EQ(beginning.text(), "Ein Garten");
}

TEST(TextBeginningTest, WhiteSpaceAndPartsOfCharactersWait) {
  EXPECT_EQ(StableText("Ein "), "Ein");
  EXPECT_EQ(StableText("Ein \xEF\xBF\xBD\xEF\xBF\xBD"), "Ein");
  EXPECT_EQ(StableText("\xEF\xBF\xBD Ein"), "\xEF\xBF\xBD Ein");
  EXPECT_EQ(StableText(""), "");
}

}  // namespace
}  // namespace peregrine
