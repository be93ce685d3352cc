// What steers a search does what the same options of reference libraries do,
// token by token: steering.json, see tests/formats/steering_goldens.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/decode/decode_all.h"
#include "engine/decode/session.h"
#include "engine/decode/token_sampler.h"
#include "engine/kernels/device.h"
#include "engine/translation_model.h"

namespace peregrine {
namespace {

using nlohmann::json;

std::string PathOf(const std::string& model, const char* file) {
  return std::string(PEREGRINE_SOURCE_DIR "/tests/golden/") + model + file;
}

json ReadJson(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  return json::parse(file);
}

void Override(const json& options, decode::DecodingOptions& result) {
  decode::Steering& steering = result.steering;
  for (const auto& [name, value] : options.items()) {
    if (name == "beam_size") {
      result.beam_size = value;
    } else if (name == "patience") {
      result.patience = value;
    } else if (name == "repetition_penalty") {
      steering.repetition_penalty = value;
    } else if (name == "no_repeat_ngram_size") {
      steering.no_repeat_ngram_size = value;
    } else if (name == "must_not_contain") {
      steering.must_not_contain = value.get<std::vector<std::vector<int>>>();
    } else if (name == "disable_unk") {
      steering.allow_unknown = !value.get<bool>();
    } else if (name == "prefix") {
      steering.prefix = value.get<std::vector<int>>();
    } else if (name == "coverage_penalty") {
      steering.coverage_penalty = value;
    } else if (name == "beam_groups") {
      steering.beam_groups = value;
    } else if (name == "diversity_penalty") {
      steering.diversity_penalty = value;
    } else if (name == "alternatives") {
      steering.alternatives = value;
    } else {
      ADD_FAILURE() << "unknown option " << name;
    }
  }
  result.num_hypotheses = result.beam_size;
}

class SteeringGoldenTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto model =
        TranslationModel::Load(PathOf(GetParam(), ""), kernels::Device::kCpu);
    ASSERT_TRUE(model.ok()) << model.status();
    model_ = *std::move(model);
    kernels_ = *kernels::MakeKernels(kernels::Device::kCpu);
    session_ = *decode::Session::Create(model_->weights(), *kernels_, {});
    golden_ = ReadJson(PathOf(GetParam(), "/golden.json"));
    steering_ = ReadJson(PathOf(GetParam(), "/steering.json"));
  }

  decode::SentenceInput Sentence(const json& of_case) const {
    const json& sentence = golden_["sentences"][of_case["sentence"].get<int>()];
    const model::TokenConfig& tokens = model_->config().tokens;
    std::vector<int32_t> source = sentence["encoder_input"];
    source.erase(source.begin(), source.begin() + tokens.source_prefix.size());
    source.resize(source.size() - tokens.source_suffix.size());
    decode::SentenceInput input;
    input.options = model_->DefaultOptions(static_cast<int>(source.size()));
    if (sentence.contains("languages")) {
      const json& languages = sentence["languages"];
      // The library was not told the target's.
      const auto chosen = model_->ChooseLanguages(
          languages[0].get<std::string>(), languages[1].get<std::string>());
      input.options.source_language = chosen.value().source.token;
      input.options.rules.forced_first_token = -1;
    }
    input.source = std::move(source);
    input.options.max_length = steering_["max_length"];
    if (input.options.rules.length_limit == model::LengthLimit::kForcedEos) {
      input.options.max_length -= 1;
    }
    input.options.use_shortlist = false;
    input.options.align = true;
    Override(of_case["options"], input.options);
    return input;
  }

  decode::SentenceOutput RunOne(const decode::SentenceInput& input) {
    const absl::Status valid = session_->Validate(input);
    EXPECT_TRUE(valid.ok()) << valid;
    decode::SentenceOutput output;
    const absl::Status status = decode::DecodeAll(
        *session_, {input},
        [&](decode::SentenceOutput found) { output = std::move(found); });
    EXPECT_TRUE(status.ok()) << status;
    return output;
  }

  void FindAll(const json& cases);

  // Of the caller's tokens; the library has all.
  static void CheckAttention(const decode::Hypothesis& found,
                             const json& expected) {
    ASSERT_FALSE(found.tokens.empty());
    const size_t width = found.alignment.size() / found.tokens.size();
    for (size_t i = 0; i < found.tokens.size(); ++i) {
      ASSERT_GE(expected[i].size(), width);
      for (size_t s = 0; s < width; ++s) {
        EXPECT_NEAR(found.alignment[i * width + s], expected[i][s].get<float>(),
                    1e-3)
            << "token " << i << " source " << s;
      }
    }
  }

  std::unique_ptr<const TranslationModel> model_;
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<decode::Session> session_;
  json golden_;
  json steering_;
};

TEST_P(SteeringGoldenTest, FindsWhatTheLibraryFinds) {
  FindAll(steering_["cases"]);
}

void SteeringGoldenTest::FindAll(const json& cases) {
  ASSERT_FALSE(cases.empty());
  for (const json& of_case : cases) {
    SCOPED_TRACE(testing::Message() << "sentence " << of_case["sentence"] << " "
                                    << of_case["options"]);
    const decode::SentenceInput input = Sentence(of_case);
    const decode::SentenceOutput output = RunOne(input);
    const json& expected = of_case["hypotheses"];
    ASSERT_EQ(output.hypotheses.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const decode::Hypothesis& found = output.hypotheses[i];
      EXPECT_EQ(json(found.tokens), expected[i]["tokens"])
          << "hypothesis " << i;
      // CTranslate2's scores of alternatives are no means.
      if (expected[i].contains("score") &&
          !input.options.steering.alternatives) {
        EXPECT_NEAR(found.score, expected[i]["score"].get<float>(), 1e-4)
            << "hypothesis " << i;
      }
      if (expected[i].contains("attention")) {
        CheckAttention(found, expected[i]["attention"]);
      }
    }
  }
}

// Of translations that are given, token by token.
TEST_P(SteeringGoldenTest, ScoresAsTheLibraryDoes) {
  ASSERT_FALSE(steering_["scores"].empty());
  for (const json& of_case : steering_["scores"]) {
    SCOPED_TRACE(testing::Message() << "sentence " << of_case["sentence"] << " "
                                    << of_case["target"]);
    json plain = of_case;
    plain["options"] = {{"beam_size", 1}};
    decode::SentenceInput input = Sentence(plain);
    input.target = of_case["target"].get<std::vector<int32_t>>();
    input.options =
        decode::ScoringOptions(input.options, input.target->size(), 64);
    const decode::SentenceOutput output = RunOne(input);
    const std::vector<float>& found = output.hypotheses.at(0).token_scores;
    ASSERT_EQ(found.size(), of_case["scores"].size());
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i], of_case["scores"][i].get<float>(), 1e-4)
          << "token " << i;
    }
  }
}

// From what transformers draws: its tokens, each as often as it should come,
// within six standard deviations. Draws depend on the seed alone.
TEST(SamplingGoldenTest, DrawsFromWhatTheLibraryDrawsFrom) {
  constexpr int kDraws = 3000;
  for (const json& rows : ReadJson(PathOf("sampling", ".json"))) {
    const std::vector<float> logits = rows["logits"];
    for (const json& of_case : rows["cases"]) {
      SCOPED_TRACE(testing::Message()
                   << of_case["temperature"] << " " << of_case["top_k"] << " "
                   << of_case["top_p"]);
      decode::Sampling sampling;
      sampling.temperature = of_case["temperature"];
      sampling.top_k = of_case["top_k"];
      sampling.top_p = of_case["top_p"];
      sampling.seed = 5;
      decode::TokenSampler sampler(sampling, static_cast<int>(logits.size()));
      std::vector<int> drawn(logits.size(), 0);
      for (int i = 0; i < kDraws; ++i) ++drawn[sampler.Draw(logits, i, 3)];
      int known = 0;
      for (const json& expected : of_case["probabilities"]) {
        const double p = expected[1];
        const int count = drawn[expected[0].get<size_t>()];
        EXPECT_NEAR(count, kDraws * p,
                    6 * std::sqrt(kDraws * p * (1 - p)) + 1.0);
        known += count;
      }
      EXPECT_EQ(known, kDraws) << "tokens that the library never draws";
    }
  }
}

class DiverseGoldenTest : public SteeringGoldenTest {};

TEST_P(DiverseGoldenTest, FindsWhatTheLibraryFinds) {
  FindAll(ReadJson(PathOf(GetParam(), "/diverse.json"))["cases"]);
}

INSTANTIATE_TEST_SUITE_P(Diverse, DiverseGoldenTest,
                         testing::Values("hf-marian", "hf-m2m100"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

INSTANTIATE_TEST_SUITE_P(All, SteeringGoldenTest,
                         testing::Values("hf-marian", "hf-m2m100",
                                         "ct2-float32"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace peregrine
