#include "engine/translation_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/formats/checkpoint.h"
#include "engine/model/weights_bytes.h"
#include "engine/shapes/paper_shapes.h"
#include "engine/shapes/random_tensors.h"
#include "engine/translator.h"

namespace peregrine {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::filesystem::path kBundled = PEREGRINE_SOURCE_DIR "/models/en-de-mdn";

// A copy of the bundled model that a test may damage.
class DamagedModelTest : public testing::Test {
 protected:
  DamagedModelTest()
      : directory_(testing::TempDir() + "/damaged_model_" +
                   std::to_string(getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    for (const auto& entry : std::filesystem::directory_iterator(kBundled)) {
      std::filesystem::copy(entry.path(), directory_);
    }
  }
  ~DamagedModelTest() override { std::filesystem::remove_all(directory_); }

  std::string LoadError() const {
    const auto model =
        TranslationModel::Load(directory_, kernels::Device::kCpu);
    EXPECT_FALSE(model.ok());
    return model.ok() ? "" : std::string(model.status().message());
  }

  json Config() const {
    json config;
    std::ifstream(directory_ / "config.json") >> config;
    return config;
  }

  // Replaces one field of config.json.
  void Configure(const char* pointer, const json& value) {
    json config = Config();
    config[json::json_pointer(pointer)] = value;
    std::ofstream(directory_ / "config.json") << config;
  }

  void Truncate(const char* file, double share) {
    const auto path = directory_ / file;
    std::filesystem::resize_file(
        path, static_cast<size_t>(share * std::filesystem::file_size(path)));
  }

  const std::filesystem::path directory_;
};

TEST_F(DamagedModelTest, IsLoadedWhenItIsNotDamaged) {
  const auto model = TranslationModel::Load(directory_, kernels::Device::kCpu);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_GT((*model)->weights().weights().num_parameters, 1000000);
  EXPECT_GT((*model)->weights().weights().bytes, 4000000u);
}

TEST_F(DamagedModelTest, NamesAMissingFile) {
  for (const char* file : {"model.safetensors", "source.spm", "config.json"}) {
    std::filesystem::remove(directory_ / file);
    EXPECT_THAT(LoadError(), HasSubstr((directory_ / file).string()));
  }
}

TEST_F(DamagedModelTest, NamesATruncatedFile) {
  Truncate("model.safetensors", 0.5);
  EXPECT_THAT(LoadError(), HasSubstr("model.safetensors: tensor "));
  Truncate("source.spm", 0.5);
  EXPECT_THAT(LoadError(), HasSubstr("source.spm"));
  Truncate("config.json", 0.5);
  EXPECT_THAT(LoadError(), HasSubstr("config.json: not valid JSON"));
}

TEST_F(DamagedModelTest, NamesATensorOfAnotherShape) {
  Configure("/architecture/encoder/ffn_dim", 512);
  EXPECT_THAT(
      LoadError(),
      HasSubstr("tensor encoder.layers.0.ffn.inner.weight: found shape"));
}

TEST_F(DamagedModelTest, NamesAMissingTensor) {
  Configure("/architecture/encoder/num_layers", 100);
  EXPECT_THAT(LoadError(), HasSubstr("found none, expected one of shape"));
}

TEST_F(DamagedModelTest, NamesTensorsThatTheArchitectureLacks) {
  Configure("/architecture/encoder/num_layers", 1);
  EXPECT_THAT(LoadError(),
              HasSubstr("tensors that the architecture does not have: "
                        "encoder.layers.1."));
}

TEST_F(DamagedModelTest, NamesAVocabularyOfAnotherSize) {
  const json size = Config()["architecture"]["source_vocab_size"];
  Configure("/architecture/source_vocab_size", 77);
  Configure("/architecture/target_vocab_size", 77);
  Configure("/tokens/unk", 0);
  EXPECT_THAT(LoadError(), HasSubstr("source.spm: found " + size.dump() +
                                     " pieces, expected the vocabulary size of "
                                     "config.json, 77"));
}

std::string TranslateOne(const TranslationModel& model,
                         const std::string& text) {
  const auto translator = Translator::Create(model, {});
  EXPECT_TRUE(translator.ok()) << translator.status();
  const auto translations = (*translator)->Translate({text});
  EXPECT_TRUE(translations.ok()) << translations.status();
  EXPECT_TRUE((*translations)[0].lost.empty());
  return (*translations)[0].hypotheses[0].text;
}

TEST_F(DamagedModelTest, PatternsOfItsConfigAreProtected) {
  Configure("/protected_patterns", {"Red Kite", "K-[0-9]+"});
  const auto model = TranslationModel::Load(directory_, kernels::Device::kCpu);
  ASSERT_TRUE(model.ok()) << model.status();
  const std::string text =
      TranslateOne(**model, "The Red Kite of K-12 is a good house.");
  EXPECT_THAT(text, HasSubstr("Red Kite"));
  EXPECT_THAT(text, HasSubstr("K-12"));
  Configure("/protected_patterns", {"("});
  EXPECT_THAT(LoadError(), HasSubstr("config.json: protected_patterns: "
                                     "pattern 0 (\"(\")"));
}

TEST(TranslatorTest, TranslatesTextsInOrder) {
  const auto model = TranslationModel::Load(kBundled, kernels::Device::kCpu);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto translator = Translator::Create(**model, {});
  ASSERT_TRUE(translator.ok()) << translator.status();
  const std::vector<std::string> texts{"Good morning!", "",
                                       "Thank you.\nGood night."};
  const auto translations = (*translator)->Translate(texts);
  ASSERT_TRUE(translations.ok()) << translations.status();
  ASSERT_EQ(translations->size(), 3u);
  EXPECT_EQ((*translations)[1].hypotheses[0].text, "");
  EXPECT_THAT((*translations)[2].hypotheses[0].text, HasSubstr("\n"));
  // One by one gives the same.
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto alone = (*translator)->Translate({texts[i]});
    ASSERT_TRUE(alone.ok());
    EXPECT_EQ((*alone)[0].hypotheses[0].text,
              (*translations)[i].hypotheses[0].text);
    EXPECT_EQ((*alone)[0].hypotheses[0].score,
              (*translations)[i].hypotheses[0].score);
  }
}

TEST(TranslatorTest, RefusesWhatIsNotUtf8) {
  const auto model = TranslationModel::Load(kBundled, kernels::Device::kCpu);
  ASSERT_TRUE(model.ok());
  const auto translator = Translator::Create(**model, {});
  ASSERT_TRUE(translator.ok());
  const auto translations = (*translator)->Translate({"fine", "bad \xff"});
  EXPECT_EQ(translations.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(translations.status().message()),
              HasSubstr("texts[1]: not UTF-8 at byte 4"));
}

TEST(WeightsBytesTest, AreThoseOfTheLoadedModel) {
  const std::string golden = PEREGRINE_SOURCE_DIR "/tests/golden/";
  auto kernels = kernels::MakeKernels(kernels::Device::kCpu);
  ASSERT_TRUE(kernels.ok());
  for (const char* name : {"mini-decoder", "two-widths", "aan-pre", "can-pre",
                           "hf-nllb", "marian-student", "ct2-int16"}) {
    for (auto precision :
         {kernels::Precision::kFloat32, kernels::Precision::kBFloat16,
          kernels::Precision::kInt8}) {
      const auto model = TranslationModel::Load(
          golden + name, kernels::Device::kCpu, precision);
      ASSERT_TRUE(model.ok()) << model.status();
      const auto bytes = model::WeightsBytes(
          (*model)->config().architecture, **kernels, precision,
          /*selects=*/(*model)->weights().shortlist() != nullptr);
      ASSERT_TRUE(bytes.ok()) << bytes.status();
      EXPECT_EQ(*bytes, (*model)->weights().weights().bytes)
          << name << " " << static_cast<int>(precision);
    }
  }
}

#ifndef PEREGRINE_SANITIZED  // a sanitizer takes more address space than that
// A model of 200 MB with 32 MiB to load it.
void LoadWithLittleMemory() {
  rlimit limit{};
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  limit.rlim_cur = limit.rlim_max =
      pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (32 << 20);
  if (setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
  formats::Checkpoint checkpoint;
  checkpoint.config = shapes::FindPaperShape("base-32k")->config;
  checkpoint.tensors = std::make_unique<shapes::RandomTensors>(1);
  const auto model = TranslationModel::Create(std::move(checkpoint), "large",
                                              kernels::Device::kCpu,
                                              kernels::Precision::kFloat32);
  std::cerr << model.status();
  _exit(absl::IsResourceExhausted(model.status()) ? 0 : 1);
}

TEST(TranslationModelTest, ReportsThatMemoryIsShort) {
  EXPECT_EXIT(LoadWithLittleMemory(), testing::ExitedWithCode(0),
              "large: found too little memory");
}
#endif

}  // namespace
}  // namespace peregrine
