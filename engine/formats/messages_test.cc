// What people have that is not served as it is: each gets a message that names
// it and says what to do, and none is passed over.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/json_object.h"
#include "engine/formats/damaged_directory.h"

namespace peregrine::formats {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// A setting that changes translations and that we lack.
struct Setting {
  const char* golden;
  const char* file;
  const char* field;
  Json value;
};

TEST(MessagesTest, NamesEachSettingThatIsNotServed) {
  const char* const generation = "generation_config.json";
  const std::vector<Setting> settings = {
      {"hf-m2m100", generation, "stop_strings", {"."}},
      {"hf-m2m100", generation, "max_time", 2.5},
      {"hf-m2m100", generation, "forced_decoder_ids", {{1, 5}}},
      {"hf-m2m100", generation, "do_sample", true},
      {"hf-m2m100", generation, "num_beam_groups", 2},
      {"hf-m2m100", generation, "force_words_ids", {{{5}}}},
      {"hf-m2m100", "config.json", "quantization_config", {{"bits", 4}}},
      {"hf-m2m100", "config.json", "normalize_before", false},
      {"hf-m2m100", "config.json", "normalize_embedding", true},
      {"hf-marian", "config.json", "quantization_config", {{"bits", 4}}},
      {"hf-marian", "config.json", "normalize_before", true},
      {"hf-marian", "config.json", "normalize_embedding", true},
      {"hf-marian", generation, "stop_strings", {"."}},
      {"hf-mbart50", "config.json", "normalize_before", false},
      {"hf-mbart50", "config.json", "normalize_embedding", false},
      {"hf-t5", "config.json", "quantization_config", {{"bits", 4}}},
      {"hf-t5", generation, "max_time", 1},
  };
  for (const Setting& setting : settings) {
    SCOPED_TRACE(testing::Message() << setting.golden << " " << setting.field);
    const DamagedDirectory model(setting.golden);
    ASSERT_THAT(model.Error(), IsEmpty());
    model.Set(setting.file, setting.field, setting.value);
    EXPECT_THAT(model.Error(),
                AllOf(HasSubstr(setting.file),
                      HasSubstr(std::string(setting.field) + ": found"),
                      HasSubstr("expected")));
  }
}

TEST(MessagesTest, NamesEachModelThatIsNotServed) {
  struct Case {
    const char* type;
    const char* advice;
  };
  for (const Case& one :
       {Case{"fsmt", "peregrine convert"}, Case{"IndicTrans", "its toolkit"},
        Case{"nllb-moe", "take a dense NLLB"}, Case{"umt5", "expected"},
        Case{"bert", "expected"}}) {
    SCOPED_TRACE(one.type);
    const DamagedDirectory model("hf-marian");
    model.Set("config.json", "model_type", one.type);
    EXPECT_THAT(
        model.Error(),
        AllOf(HasSubstr(std::string("model_type: found \"") + one.type + "\""),
              HasSubstr(one.advice)));
  }
}

TEST(MessagesTest, TellsPointersOfGitLfsFromFiles) {
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\n"
      "oid sha256:"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n"
      "size 300000\n";
  struct Case {
    const char* golden;
    const char* file;
  };
  for (const Case& one :
       {Case{"hf-marian", "model.safetensors"}, Case{"hf-marian", "source.spm"},
        Case{"hf-mt5", "pytorch_model.bin"}, Case{"ct2-opus", "model.bin"},
        Case{"hf-nllb", "tokenizer.json"}, Case{"marian-base", "model.npz"}}) {
    SCOPED_TRACE(testing::Message() << one.golden << " " << one.file);
    const DamagedDirectory model(one.golden);
    ASSERT_TRUE(std::filesystem::exists(model.File(one.file)));
    model.Write(one.file, pointer);
    EXPECT_THAT(model.Error(),
                AllOf(HasSubstr(one.file), HasSubstr("Git LFS")));
  }
}

TEST(MessagesTest, RefusesTextThatNeedsATruecaser) {
  const DamagedDirectory model("marian-base");
  model.Write("source.tcmodel", "x");
  const auto loaded =
      TranslationModel::Load(model.File("."), kernels::Device::kCpu);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_FALSE((*loaded)->takes_text());
  EXPECT_THAT((*loaded)->text_refusal(), HasSubstr("source.tcmodel"));
}

TEST(MessagesTest, NamesWhatADirectoryIs) {
  const std::filesystem::path root =
      std::filesystem::path(testing::TempDir()) / "messages_test";
  const auto error = [&](const std::vector<std::string>& files) {
    std::filesystem::remove_all(root);
    for (const std::string& file : files) {
      std::filesystem::create_directories((root / file).parent_path());
      std::ofstream(root / file) << "{}";
    }
    const auto model = TranslationModel::Load(root, kernels::Device::kCpu);
    return model.ok() ? "" : std::string(model.status().message());
  };
  EXPECT_THAT(
      error({"refs/main", "snapshots/0a1b/config.json"}),
      AllOf(HasSubstr("a cache of Hugging Face"), HasSubstr("snapshots/0a1b")));
  EXPECT_THAT(
      error({"adapter_config.json", "adapter_model.safetensors"}),
      AllOf(HasSubstr("an adapter (LoRA)"), HasSubstr("merge_and_unload")));
  EXPECT_THAT(error({"model.pt", "dict.en.txt"}), HasSubstr("model.pt"));
  EXPECT_THAT(error({"nested/config.json"}), HasSubstr("did you mean"));
  EXPECT_THAT(error({"nested/x.argosmodel"}),
              HasSubstr("expected the files of a model"));
  EXPECT_THAT(error({"x.argosmodel"}),
              AllOf(HasSubstr("did you mean"), HasSubstr("x.argosmodel")));
  EXPECT_THAT(error({"model.enfr.bin.gz"}), HasSubstr("run gunzip"));
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace peregrine::formats
