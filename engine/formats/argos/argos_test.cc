#include "engine/formats/argos/argos.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/formats/recognise.h"

namespace peregrine::formats {
namespace {

using testing::HasSubstr;

// A package around a model of CTranslate2 with SentencePiece models.
class ArgosTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = testing::TempDir() + "/translate-xx_yy-1_0";
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ + "/model");
    const std::filesystem::path golden =
        std::filesystem::path(PEREGRINE_SOURCE_DIR) /
        "tests/golden/ct2-float32";
    for (const char* name :
         {"model.bin", "config.json", "source_vocabulary.json",
          "target_vocabulary.json"}) {
      std::filesystem::copy_file(golden / name, root_ + "/model/" + name);
    }
    std::filesystem::copy_file(golden / "source.spm",
                               root_ + "/sentencepiece.model");
    Write("metadata.json", R"({"package_version": "1.0", "from_code": "en",
        "from_name": "English", "to_code": "pb"})");
  }

  void Write(const std::string& name, const std::string& content) const {
    std::ofstream(root_ + "/" + name) << content;
  }

  std::string Error() const {
    const auto checkpoint = OpenCheckpoint(root_);
    return checkpoint.ok() ? "" : std::string(checkpoint.status().message());
  }

  std::string root_;
};

TEST_F(ArgosTest, TakesItsLanguagesAndDecodesAsArgosDoes) {
  const auto checkpoint = OpenCheckpoint(root_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->format, HasSubstr("Argos package, CTranslate2"));
  EXPECT_EQ(checkpoint->config.name, "translate-xx_yy-1_0");
  EXPECT_EQ(checkpoint->config.source_language, "en");
  EXPECT_EQ(checkpoint->config.target_language, "pb");
  EXPECT_EQ(checkpoint->config.decoding.beam_size, 4);
  EXPECT_EQ(checkpoint->config.decoding.length_penalty, 0.2f);
  EXPECT_EQ(checkpoint->text_refusal, "");
}

TEST_F(ArgosTest, ForcesTheTargetPrefix) {
  Write("metadata.json",
        R"({"from_code": "en", "to_code": "pb", "target_prefix": "</s>"})");
  const auto checkpoint = OpenCheckpoint(root_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->config.decoding.rules.forced_first_token, 2);
  Write("metadata.json",
        R"({"from_code": "en", "to_code": "pb", "target_prefix": ">>pb<<"})");
  EXPECT_THAT(Error(), HasSubstr("target_prefix: found \">>pb<<\", expected a "
                                 "token of the target vocabulary"));
}

TEST_F(ArgosTest, RefusesTextWithoutWhatCutsIt) {
  Write("bpe.model", "#version: 0.2\n");
  auto checkpoint = OpenCheckpoint(root_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->text_refusal, HasSubstr("bpe.model and Moses"));
  // The model alone would cut text at spaces.
  checkpoint = OpenCheckpoint(root_ + "/model");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(checkpoint->text_refusal,
              HasSubstr("its pieces are SentencePiece's"));
}

TEST_F(ArgosTest, NamesWhatIsWrong) {
  Write("metadata.json", R"({"from_code": "en"})");
  EXPECT_THAT(Error(), HasSubstr("metadata.json: to_code"));
  Write("metadata.json", "{");
  EXPECT_THAT(Error(), HasSubstr("metadata.json"));
}

}  // namespace
}  // namespace peregrine::formats
