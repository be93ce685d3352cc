// Every golden model on every device against what its reference computed:
// encoder output, logits, hypotheses and, where it has tokenizers, text. The
// files are described in training/peregrine_training/goldens.py and
// tests/formats/golden_file.py.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/decode/session.h"
#include "engine/formats/recognise.h"
#include "engine/kernels/cuda/emulation/emulated_kernels.h"
#include "engine/kernels/device.h"
#include "engine/kernels/precision.h"
#include "engine/model/config.h"
#include "engine/model/encoder.h"
#include "engine/model/model.h"
#include "engine/translation_model.h"
#include "tests/forced_decoding.h"

namespace peregrine {
namespace {

using nlohmann::json;

// Where the sources are; elsewhere for a program that was carried to another
// machine (bench/gpu).
std::filesystem::path Root() {
  const char* root = std::getenv("PEREGRINE_SOURCE_ROOT");
  return root != nullptr ? root : PEREGRINE_SOURCE_DIR;
}
const std::filesystem::path kRoot = Root();

json ReadJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  return json::parse(file);
}

// Programs print scores with six digits.
constexpr double kScoreTolerance = 1e-4;

double LargestMagnitude(const std::vector<float>& row) {
  double largest = 0;
  for (float value : row) largest = std::max<double>(largest, std::abs(value));
  return largest;
}

// `tolerance` is of the largest magnitude in the row.
bool IsRowNear(const float* found, const std::vector<float>& expected,
               double tolerance) {
  const double allowed = tolerance * LargestMagnitude(expected);
  for (size_t i = 0; i < expected.size(); ++i) {
    if (!(std::abs(found[i] - expected[i]) <= allowed)) return false;
  }
  return true;
}

void ExpectRowNear(const float* found, const std::vector<float>& expected,
                   double tolerance, const std::string& what) {
  const double scale = LargestMagnitude(expected);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], tolerance * scale)
        << what << ", element " << i;
  }
}

// The CUDA device on an emulated GPU: by own kernels in fp16, by the emulated
// cuBLASLt in bf16, so that both paths are compared.
constexpr char kEmulatedGpu[] = "cuda-emulated";
// It takes milliseconds a step: a model of each decoder state.
constexpr const char* kEmulatedModels[] = {"aan-pre", "can-pre", "mini-decoder",
                                           "ssru-pre"};

struct GoldenCase {
  std::string model;
  std::string device;
  kernels::Precision precision;
};

// Of rounding a number to `precision`, relative to the largest of its row.
double UnitRoundoff(kernels::Precision precision) {
  switch (precision) {
    case kernels::Precision::kFloat32:
      break;
    case kernels::Precision::kBFloat16:
      return 1.0 / 512;
    case kernels::Precision::kFloat16:  // and the cache in bfloat16
      return 1.0 / 512;
    case kernels::Precision::kInt8:
      return 0.5 / 127;
    case kernels::Precision::kFloat8:
      return 1.0 / 16;
  }
  return 1.0 / (1 << 24);
}

// What comes out of the whole model, relative to the largest of its row. The
// linear layers err independently of each other; four a layer of the encoder,
// six of the decoder and the output are one after another.
double Tolerance(const model::ArchitectureConfig& architecture,
                 kernels::Precision precision) {
  if (precision == kernels::Precision::kFloat32) return 1e-4;
  const int depth = 4 * architecture.encoder.num_layers +
                    6 * architecture.decoder.num_layers + 1;
  return 6 * UnitRoundoff(precision) * std::sqrt(depth);
}

class GoldenTest : public testing::TestWithParam<GoldenCase> {
 protected:
  void SetUp() override {
    golden_ =
        ReadJson(kRoot / "tests/golden" / GetParam().model / "golden.json");
    // Of a model that is shipped, golden.json alone stands here.
    const std::filesystem::path shipped = kRoot / "models" / GetParam().model;
    directory_ = std::filesystem::exists(shipped)
                     ? shipped
                     : kRoot / "tests/golden" / GetParam().model;
    if (GetParam().device == kEmulatedGpu) {
      SetUpEmulatedGpu();
    } else {
      SetUpDevice();
    }
    if (IsSkipped()) return;
    config_ = loaded_->config();
    tolerance_ = Tolerance(config_.architecture, GetParam().precision);
  }

  void SetUpDevice() {
    device_ = *kernels::ParseDevice(GetParam().device);
    device_.tuning.eight_bits = true;  // of a GPU
    auto kernels = kernels::MakeKernels(device_);
    if (!kernels.ok() && device_.kind == kernels::Device::Kind::kCuda) {
      GTEST_SKIP() << "no CUDA device: " << kernels.status();
    }
    kernels_ = *std::move(kernels);
    loaded_ = Load();
    model_ = &loaded_->weights();
  }

  // Tokenizers and settings come from the model on the CPU.
  void SetUpEmulatedGpu() {
    kernels::GpuTuning tuning;
    tuning.eight_bits = true;
    auto kernels = kernels::MakeEmulatedKernels(
        /*memory_bytes=*/0,
        GetParam().precision == kernels::Precision::kBFloat16
            ? kernels::EmulatedLibrary::kForAll
            : kernels::EmulatedLibrary::kAsOnDevices,
        /*index=*/0, tuning);
    if (!kernels.ok()) GTEST_SKIP() << kernels.status();
    kernels_ = *std::move(kernels);
    device_ = kernels::Device::kReference;
    loaded_ = *TranslationModel::Load(directory_, device_,
                                      kernels::Precision::kFloat32);
    formats::Checkpoint checkpoint = *formats::OpenCheckpoint(directory_);
    on_emulated_gpu_ =
        *model::Model::Load(checkpoint.config, *checkpoint.tensors, *kernels_,
                            GetParam().precision);
    model_ = on_emulated_gpu_.get();
  }

  std::unique_ptr<const TranslationModel> Load() const {
    auto loaded =
        TranslationModel::Load(directory_, device_, GetParam().precision);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *std::move(loaded);
  }

  std::vector<int32_t> EncoderInput(size_t sentence) const {
    return golden_["sentences"][sentence]["encoder_input"]
        .get<std::vector<int32_t>>();
  }

  // Of a multilingual model; -1 of others.
  LanguagePair Languages(size_t sentence) const {
    const json& languages =
        golden_["sentences"][sentence].value("languages", json());
    if (languages.is_null()) return {};
    const auto chosen = loaded_->ChooseLanguages(
        languages[0].get<std::string>(), languages[1].get<std::string>());
    EXPECT_TRUE(chosen.ok()) << chosen.status();
    return *chosen;
  }

  // What a session takes: it adds prefix and suffix itself.
  std::vector<int32_t> Source(size_t sentence) const {
    std::vector<int32_t> source = EncoderInput(sentence);
    const std::vector<int32_t>& prefix = config_.tokens.source_prefix;
    std::vector<int32_t> suffix = config_.tokens.source_suffix;
    const int32_t language = Languages(sentence).source.token;
    if (language >= 0) {
      std::replace(suffix.begin(), suffix.end(), config_.tokens.source_language,
                   language);
    }
    if (source.size() >= prefix.size() + suffix.size() &&
        std::equal(suffix.begin(), suffix.end(),
                   source.end() - suffix.size())) {
      source.resize(source.size() - suffix.size());
      source.erase(source.begin(), source.begin() + prefix.size());
    }
    return source;
  }

  // Of the first `max_sentences` sentences.
  void CheckSearch(const json& search, size_t max_sentences = SIZE_MAX);
  void CheckHypotheses(const std::vector<decode::Hypothesis>& found,
                       const json& expected);

  json golden_;
  std::filesystem::path directory_;
  model::ModelConfig config_;
  double tolerance_ = 0;
  int num_same_ = 0;  // best hypotheses that are the expected ones
  int num_other_ = 0;
  kernels::Device device_;
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<const TranslationModel> loaded_;
  std::unique_ptr<const model::Model> on_emulated_gpu_;
  const model::Model* model_;
};

// All sentences in one packed batch. Where a position's attention is nearly
// even between others, it magnifies roundings dozens of times: with fewer bits
// than float32, one row in ten may be far off.
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
  const bool is_float32 = GetParam().precision == kernels::Precision::kFloat32;
  size_t first_row = 0;
  int num_rows = 0;
  int num_far = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    // CTranslate2 does not show it.
    if (!golden_["sentences"][i].contains("encoder_output")) continue;
    const json& expected = golden_["sentences"][i]["encoder_output"];
    for (size_t r = 0; r < expected["rows"].size(); ++r) {
      const size_t row = first_row + expected["rows"][r].get<size_t>();
      const float* found = host.data() + row * output.cols;
      const auto values = expected["values"][r].get<std::vector<float>>();
      ++num_rows;
      if (is_float32) {
        ExpectRowNear(found, values, tolerance_,
                      absl::StrCat("sentence ", i, ", row ", r));
      } else if (!IsRowNear(found, values, tolerance_)) {
        ++num_far;
      }
    }
    first_row += lengths[i];
  }
  EXPECT_LE(num_far, num_rows / 10) << "rows far off, of " << num_rows;
}

float LogProbability(const std::vector<float>& logits, int32_t token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float logit : logits) sum += std::exp(logit - largest);
  return logits[token] - largest - static_cast<float>(std::log(sum));
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
                    tolerance_, "step " + std::to_string(step));
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

// The sentences of a search side by side in one session.
void GoldenTest::CheckSearch(const json& search, size_t max_sentences) {
  const json& options = search["options"];
  const model::Model* model = model_;
  std::unique_ptr<const model::Model> reloaded;
  if (options.contains("suppressed_tokens")) {  // a setting of the model
    formats::Checkpoint checkpoint = *formats::OpenCheckpoint(directory_);
    options["suppressed_tokens"].get_to(
        checkpoint.config.decoding.suppressed_tokens);
    reloaded = *model::Model::Load(checkpoint.config, *checkpoint.tensors,
                                   *kernels_, GetParam().precision);
    model = reloaded.get();
  }
  auto session = *decode::Session::Create(*model, *kernels_, {});
  const json& hypotheses = search["hypotheses"];
  std::vector<decode::SentenceInput> sentences;
  for (size_t i = 0; i < std::min(hypotheses.size(), max_sentences); ++i) {
    decode::SentenceInput& sentence = sentences.emplace_back();
    sentence.id = i;
    sentence.source = Source(i);
    sentence.options =
        loaded_->DefaultOptions(static_cast<int>(sentence.source.size()));
    Languages(i).Apply(sentence.options);
    Override(options, i, sentence.options);
    sentence.options.num_hypotheses = sentence.options.beam_size;
    sentence.options.use_shortlist = options.value("use_shortlist", false);
    ASSERT_TRUE(session->Validate(sentence).ok())
        << session->Validate(sentence);
  }
  session->Admit(sentences);
  while (session->live_sentences() > 0) {
    for (const decode::SentenceOutput& output : session->Step()) {
      SCOPED_TRACE("sentence " + std::to_string(output.id));
      CheckHypotheses(output.hypotheses, hypotheses[output.id]);
    }
  }
}

// float32 must find the very hypotheses. Rounding to fewer bits leads a search
// elsewhere where one of its decisions is near, by margins that are not known
// here: then those found in both must have like scores, and most of the best be
// the same (see the test).
void GoldenTest::CheckHypotheses(const std::vector<decode::Hypothesis>& found,
                                 const json& expected) {
  ASSERT_EQ(found.size(), expected.size());
  const bool is_float32 = GetParam().precision == kernels::Precision::kFloat32;
  for (size_t rank = 0; rank < expected.size(); ++rank) {
    SCOPED_TRACE("rank " + std::to_string(rank));
    const double score = expected[rank].value("score", found[rank].score);
    const double tolerance = tolerance_ * std::max(1.0, std::abs(score));
    const bool is_same = found[rank].tokens ==
                         expected[rank]["tokens"].get<std::vector<int32_t>>();
    EXPECT_TRUE(is_same || !is_float32)
        << testing::PrintToString(found[rank].tokens);
    if (rank == 0) ++(is_same ? num_same_ : num_other_);
    if (!is_same) continue;
    EXPECT_NEAR(found[rank].score, score, tolerance);
    EXPECT_EQ(found[rank].truncated, expected[rank]["truncated"].get<bool>());
  }
}

// What the reference scores a given translation with, token by token.
TEST_P(GoldenTest, ScoredTranslations) {
  if (!golden_.contains("scored")) return;
  const double tolerance = std::max(tolerance_, kScoreTolerance);
  for (const json& run : golden_["scored"]) {
    const auto target = run["target"].get<std::vector<int32_t>>();
    std::vector<int32_t> input = {config_.tokens.decoder_start};
    input.insert(input.end(), target.begin(), target.end() - 1);
    const auto rows = ForcedLogits(
        *model_, *kernels_, EncoderInput(run["sentence"].get<size_t>()), input);
    std::vector<float> found;
    for (size_t step = 0; step < target.size(); ++step) {
      found.push_back(LogProbability(rows[step], target[step]));
    }
    ExpectRowNear(found.data(), run["log_probs"].get<std::vector<float>>(),
                  tolerance, absl::StrCat("sentence ", run["sentence"].dump()));
  }
}

TEST_P(GoldenTest, Hypotheses) {
  ASSERT_FALSE(golden_["searches"].empty() && golden_["scored"].empty());
  for (const json& search : golden_["searches"]) {
    SCOPED_TRACE(search["options"].dump());
    CheckSearch(search);
  }
  EXPECT_TRUE(num_same_ > num_other_ || golden_["searches"].empty());
}

// A trained model, whose beams end by their own, with beams that the emulated
// GPU advances. All of its golden file would take minutes there.
class TrainedOnEmulatedGpuTest : public GoldenTest {};

TEST_P(TrainedOnEmulatedGpuTest, HypothesesOfTheFirstSentences) {
  const json& search = golden_["searches"].back();
  ASSERT_GT(search["options"]["beam_size"], 1);
  CheckSearch(search, 3);
  EXPECT_EQ(num_same_, 3);
}

INSTANTIATE_TEST_SUITE_P(Models, TrainedOnEmulatedGpuTest,
                         testing::Values(GoldenCase{
                             "en-de-mdn", kEmulatedGpu,
                             kernels::Precision::kFloat32}));

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
    using kernels::Precision;
    for (Precision precision :
         {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
      for (const char* device : {"reference", "cpu"}) {
        cases.push_back({entry.path().filename(), device, precision});
      }
    }
    cases.push_back(
        {entry.path().filename(), "cpu-onednn", Precision::kFloat32});
    for (Precision precision : {Precision::kFloat32, Precision::kBFloat16,
                                Precision::kFloat16, Precision::kInt8}) {
      cases.push_back({entry.path().filename(), "cuda:0", precision});
    }
    if (std::count(std::begin(kEmulatedModels), std::end(kEmulatedModels),
                   entry.path().filename()) == 0) {
      continue;
    }
    for (Precision precision :
         {Precision::kBFloat16, Precision::kFloat16, Precision::kInt8}) {
      cases.push_back({entry.path().filename(), kEmulatedGpu, precision});
    }
  }
  std::sort(cases.begin(), cases.end(), [](const auto& a, const auto& b) {
    return std::tie(a.model, a.device, a.precision) <
           std::tie(b.model, b.device, b.precision);
  });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(
    Models, GoldenTest, testing::ValuesIn(AllCases()), [](const auto& test) {
      std::string name =
          absl::StrCat(test.param.model, "_", test.param.device, "_",
                       kernels::PrecisionName(test.param.precision));
      std::replace_if(
          name.begin(), name.end(),
          [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

}  // namespace
}  // namespace peregrine
