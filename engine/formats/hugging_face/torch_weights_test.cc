// Weights as pytorch_model.bin, written by torch
// (tests/formats/torch_files.py): the same tensors, to the last bit, as those
// of the golden model.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "engine/formats/damaged_directory.h"
#include "engine/formats/recognise.h"
#include "engine/model/weights.h"

namespace peregrine::formats {
namespace {

// Remembers all that is read through it.
class Recorder final : public model::TensorSource {
 public:
  explicit Recorder(model::TensorSource& source) : source_(source) {}

  const std::string& path() const override { return source_.path(); }
  bool Has(const std::string& name) const override { return source_.Has(name); }
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override {
    auto values = source_.Read(name, shape);
    if (values.ok()) read[name] = *values;
    return values;
  }
  std::vector<std::string> Unread() const override { return source_.Unread(); }

  std::map<std::string, std::vector<float>> read;

 private:
  model::TensorSource& source_;
};

std::map<std::string, std::vector<float>> TensorsOf(const std::string& path) {
  const auto checkpoint = OpenCheckpoint(path);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  if (!checkpoint.ok()) return {};
  Recorder recorder(*checkpoint->tensors);
  const auto kernels = *kernels::MakeKernels(kernels::Device::kCpu);
  const auto weights =
      model::LoadWeights(checkpoint->config.architecture, recorder, *kernels,
                         kernels::Precision::kFloat32);
  EXPECT_TRUE(weights.ok()) << weights.status();
  return recorder.read;
}

struct Case {
  const char* golden;
  const char* testdata;
};

class TorchWeightsTest : public testing::TestWithParam<Case> {};

TEST_P(TorchWeightsTest, AreThoseOfSafetensors) {
  const DamagedDirectory model(GetParam().golden);
  const auto expected = TensorsOf(model.File("."));
  EXPECT_FALSE(expected.empty());
  for (const auto& entry :
       std::filesystem::directory_iterator(model.File("."))) {
    const std::string name = entry.path().filename();
    if (name.find("safetensors") != std::string::npos) model.Remove(name);
  }
  const std::filesystem::path testdata =
      std::filesystem::path(PEREGRINE_SOURCE_DIR) /
      "engine/formats/hugging_face/testdata" / GetParam().testdata;
  std::filesystem::copy(testdata, model.File("."));
  EXPECT_EQ(TensorsOf(model.File(".")), expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, TorchWeightsTest,
    testing::Values(Case{"hf-marian-multilingual", "marian"},
                    Case{"hf-marian-separate", "marian-stream"},
                    Case{"hf-nllb", "nllb-shards"}),
    [](const auto& test) {
      std::string name = test.param.testdata;
      return name.substr(0, name.find('-')) +
             (name.find('-') == std::string::npos
                  ? ""
                  : name.substr(name.find('-') + 1));
    });

TEST(TorchWeightsTest, SurvivesDamage) {
  const DamagedDirectory model("hf-marian-multilingual");
  model.Remove("model.safetensors");
  std::filesystem::copy(std::filesystem::path(PEREGRINE_SOURCE_DIR) /
                            "engine/formats/hugging_face/testdata/marian",
                        model.File("."));
  SurvivesDamage(model, {"pytorch_model.bin"});
}

}  // namespace
}  // namespace peregrine::formats
