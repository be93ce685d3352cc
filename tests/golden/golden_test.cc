// Every golden model on every device against what its reference computed:
// encoder output, logits, hypotheses and, where it has tokenizers, text. The
// files are described in training/peregrine_training/goldens.py and
// tests/formats/golden_file.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "engine/decode/session.h"
#include "engine/formats/recognise.h"
#include "engine/kernels/device.h"
#include "engine/model/encoder.h"
#include "engine/model/model.h"
#include "engine/translation_model.h"
#include "tests/forced_decoding.h"

namespace peregrine {
namespace {

using nlohmann::json;

// Of the largest magnitude in the row that is compared.
constexpr double kRelativeTolerance = 1e-4;

const std::filesystem::path kRoot = PEREGRINE_SOURCE_DIR;

json ReadJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return json::parse(file);
}

void ExpectRowNear(const float* found, const std::vector<float>& expected,
                   const std::string& what) {
  double scale = 0;
  for (float value : expected) scale = std::max<double>(scale, std::abs(value));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], kRelativeTolerance * scale)
        << what << ", element " << i;
  }
}

struct GoldenCase {
  std::string model;
  std::string device;
};

constexpr const char* kDevices[] = {"reference", "cpu", "cpu-onednn"};

class GoldenTest : public testing::TestWithParam<GoldenCase> {
 protected:
  void SetUp() override {
    golden_ =
        ReadJson(kRoot / "tests/golden" / GetParam().model / "golden.json");
    const std::filesystem::path tiny =
        kRoot / "tests/golden" / GetParam().model;
    directory_ = std::filesystem::exists(tiny / "config.json")
                     ? tiny
                     : kRoot / "models" / GetParam().model;
    device_ = *kernels::ParseDevice(GetParam().device);
    kernels_ = *kernels::MakeKernels(device_);
    loaded_ = Load();
    config_ = loaded_->config();
    model_ = &loaded_->weights();
  }

  std::unique_ptr<const TranslationModel> Load() const {
    auto loaded = TranslationModel::Load(directory_, device_);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *std::move(loaded);
  }

  std::vector<int32_t> EncoderInput(size_t sentence) const {
    return golden_["sentences"][sentence]["encoder_input"]
        .get<std::vector<int32_t>>();
  }

  // What a session takes: it adds prefix and suffix itself.
  std::vector<int32_t> Source(size_t sentence) const {
    std::vector<int32_t> source = EncoderInput(sentence);
    const std::vector<int32_t>& prefix = config_.tokens.source_prefix;
    const std::vector<int32_t>& suffix = config_.tokens.source_suffix;
    if (source.size() >= prefix.size() + suffix.size() &&
        std::equal(suffix.begin(), suffix.end(),
                   source.end() - suffix.size())) {
      source.resize(source.size() - suffix.size());
      source.erase(source.begin(), source.begin() + prefix.size());
    }
    return source;
  }

  void CheckSearch(const json& search);

  json golden_;
  std::filesystem::path directory_;
  model::ModelConfig config_;
  kernels::Device device_;
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<const TranslationModel> loaded_;
  const model::Model* model_;
};

// All sentences in one packed batch.
TEST_P(GoldenTest, EncoderOutput) {
  std::vector<int32_t> tokens;
  std::vector<int> lengths;
  for (size_t i = 0; i < golden_["sentences"].size(); ++i) {
    const std::vector<int32_t> input = EncoderInput(i);
    tokens.insert(tokens.end(), input.begin(), input.end());
    lengths.push_back(static_cast<int>(input.size()));
  }
  auto encoder = *model::Encoder::Create(*model_, *kernels_,
                                         static_cast<int>(tokens.size()));
  const kernels::Matrix output = encoder->Encode(tokens, lengths);
  const std::vector<float> host = ToHost(*kernels_, output);
  size_t first_row = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    // CTranslate2 does not show it.
    if (!golden_["sentences"][i].contains("encoder_output")) continue;
    const json& expected = golden_["sentences"][i]["encoder_output"];
    for (size_t r = 0; r < expected["rows"].size(); ++r) {
      const size_t row = first_row + expected["rows"][r].get<size_t>();
      ExpectRowNear(
          host.data() + row * output.cols,
          expected["values"][r].get<std::vector<float>>(),
          "sentence " + std::to_string(i) + ", row " + std::to_string(r));
    }
    first_row += lengths[i];
  }
}

// The logits of every step over a given prefix.
TEST_P(GoldenTest, StepLogits) {
  for (const json& run : golden_["forced"]) {
    const auto columns = run["columns"].get<std::vector<int>>();
    const auto rows = ForcedLogits(
        *model_, *kernels_, EncoderInput(run["sentence"].get<size_t>()),
        run["decoder_input"].get<std::vector<int32_t>>());
    for (size_t step = 0; step < rows.size(); ++step) {
      std::vector<float> found;
      for (int column : columns) found.push_back(rows[step][column]);
      ExpectRowNear(found.data(), run["logits"][step].get<std::vector<float>>(),
                    "step " + std::to_string(step));
    }
  }
}

// What `options` of a search leave out is the model's own default.
void Override(const json& options, size_t sentence,
              decode::DecodingOptions& result) {
  const auto set = [&](const char* name, auto& field) {
    if (options.contains(name)) options[name].get_to(field);
  };
  set("beam_size", result.beam_size);
  set("length_penalty", result.length_penalty);
  set("min_length", result.min_length);
  if (options.contains("max_length")) {
    result.max_length = options["max_length"][sentence];
  }
  const std::map<std::string, model::Stopping> stopping{
      {"first_finished", model::Stopping::kFirstFinished},
      {"best_finished", model::Stopping::kBestFinished},
      {"heuristic", model::Stopping::kHeuristic},
      {"never", model::Stopping::kNever}};
  if (options.contains("stopping")) {
    result.rules.stopping = stopping.at(options["stopping"]);
  }
}

// All sentences of a search side by side in one session.
void GoldenTest::CheckSearch(const json& search) {
  const json& options = search["options"];
  const model::Model* model = model_;
  std::unique_ptr<const model::Model> reloaded;
  if (options.contains("suppressed_tokens")) {  // a setting of the model
    formats::Checkpoint checkpoint = *formats::OpenCheckpoint(directory_);
    options["suppressed_tokens"].get_to(
        checkpoint.config.decoding.suppressed_tokens);
    reloaded =
        *model::Model::Load(checkpoint.config, *checkpoint.tensors, *kernels_);
    model = reloaded.get();
  }
  auto session = *decode::Session::Create(*model, *kernels_, {});
  const json& hypotheses = search["hypotheses"];
  std::vector<decode::SentenceInput> sentences;
  for (size_t i = 0; i < hypotheses.size(); ++i) {
    decode::SentenceInput& sentence = sentences.emplace_back();
    sentence.id = i;
    sentence.source = Source(i);
    sentence.options =
        loaded_->DefaultOptions(static_cast<int>(sentence.source.size()));
    Override(options, i, sentence.options);
    sentence.options.num_hypotheses = sentence.options.beam_size;
    ASSERT_TRUE(session->Validate(sentence).ok())
        << session->Validate(sentence);
  }
  session->Admit(sentences);
  while (session->live_sentences() > 0) {
    for (const decode::SentenceOutput& output : session->Step()) {
      SCOPED_TRACE("sentence " + std::to_string(output.id));
      const json& expected = hypotheses[output.id];
      ASSERT_EQ(output.hypotheses.size(), expected.size());
      for (size_t rank = 0; rank < expected.size(); ++rank) {
        const decode::Hypothesis& found = output.hypotheses[rank];
        EXPECT_EQ(found.tokens,
                  expected[rank]["tokens"].get<std::vector<int32_t>>())
            << "rank " << rank;
        const double score = expected[rank].value("score", found.score);
        EXPECT_NEAR(found.score, score,
                    kRelativeTolerance * std::max(1.0, std::abs(score)))
            << "rank " << rank;
        EXPECT_EQ(found.truncated, expected[rank]["truncated"].get<bool>())
            << "rank " << rank;
      }
    }
  }
}

TEST_P(GoldenTest, Hypotheses) {
  ASSERT_FALSE(golden_["searches"].empty());
  for (const json& search : golden_["searches"]) {
    SCOPED_TRACE(search["options"].dump());
    CheckSearch(search);
  }
}

// Text to tokens and back, where the model has tokenizers.
TEST_P(GoldenTest, Text) {
  if (loaded_->source_tokenizer() == nullptr) {
    EXPECT_FALSE(golden_["sentences"][0].contains("text"));
    return;
  }
  for (size_t i = 0; i < golden_["sentences"].size(); ++i) {
    const auto text = golden_["sentences"][i]["text"].get<std::string>();
    EXPECT_EQ(loaded_->source_tokenizer()->Encode(text), Source(i)) << text;
  }
  for (const json& search : golden_["searches"]) {
    for (const json& ranked : search["hypotheses"]) {
      for (const json& hypothesis : ranked) {
        // CTranslate2 gives tokens only.
        if (!hypothesis.contains("text")) continue;
        const auto tokens = hypothesis["tokens"].get<std::vector<int32_t>>();
        EXPECT_EQ(loaded_->target_tokenizer()->Decode(tokens),
                  hypothesis["text"]);
      }
    }
  }
}

std::vector<GoldenCase> AllCases() {
  std::vector<GoldenCase> cases;
  for (const auto& entry :
       std::filesystem::directory_iterator(kRoot / "tests/golden")) {
    if (!std::filesystem::exists(entry.path() / "golden.json")) continue;
    for (const char* device : kDevices) {
      cases.push_back({entry.path().filename(), device});
    }
  }
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) {
    return std::tie(a.model, a.device) < std::tie(b.model, b.device);
  });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(
    Models, GoldenTest, testing::ValuesIn(AllCases()), [](const auto& test) {
      std::string name = test.param.model + "_" + test.param.device;
      std::replace_if(
          name.begin(), name.end(),
          [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

}  // namespace
}  // namespace peregrine
