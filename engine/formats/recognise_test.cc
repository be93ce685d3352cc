#include "engine/formats/recognise.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace peregrine::formats {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Directories that are no model, as people download them: the error says what
// they are and what to do.
class RecogniseTest : public testing::Test {
 protected:
  RecogniseTest()
      : path_(std::filesystem::path(testing::TempDir()) /
              ("recognise_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~RecogniseTest() override { std::filesystem::remove_all(path_); }

  void Write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  std::string Error() const {
    const auto checkpoint = OpenCheckpoint(path_);
    return checkpoint.ok() ? "" : std::string(checkpoint.status().message());
  }

  const std::filesystem::path path_;
};

TEST_F(RecogniseTest, SaysWhatAPointerOfGitLfsIs) {
  Write("config.json",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n");
  EXPECT_THAT(Error(), AllOf(HasSubstr("config.json: found a pointer of Git"),
                             HasSubstr("git lfs pull")));
}

TEST_F(RecogniseTest, NamesTheSnapshotOfACache) {
  Write("refs/main", "abc");
  Write("snapshots/abc/config.json", "{}");
  EXPECT_THAT(Error(), AllOf(HasSubstr("found a cache of Hugging Face"),
                             HasSubstr(path_.string() + "/snapshots/abc")));
}

TEST_F(RecogniseTest, TellsAFileOfTorchFromCTranslate2) {
  Write("model.bin", "PK\x03\x04");
  EXPECT_THAT(Error(), HasSubstr("found a file of PyTorch as model.bin"));
}

TEST_F(RecogniseTest, TakesAPtForACheckpoint) {
  Write("checkpoint_best.pt", "PK\x03\x04");
  Write("dict.en.txt", "a 1");
  EXPECT_THAT(Error(), HasSubstr("checkpoint_best.pt: found no end of a ZIP "
                                 "archive"));
}

TEST_F(RecogniseTest, SaysWhatToDoWithWhatIsNotServed) {
  Write("adapter_config.json", "{}");
  EXPECT_THAT(Error(), AllOf(HasSubstr("found an adapter (LoRA)"),
                             HasSubstr("merge_and_unload")));
  for (const char* type : {"fsmt", "IndicTrans", "nllb-moe"}) {
    Write("config.json", std::string("{\"model_type\": \"") + type + "\"}");
    EXPECT_THAT(Error(), AllOf(HasSubstr("model_type: found"),
                               HasSubstr("which is not served: ")));
  }
}

}  // namespace
}  // namespace peregrine::formats
