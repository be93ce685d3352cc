#include "server/backend/model_files.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

class ModelFilesTest : public ::testing::Test {
 protected:
  ModelFilesTest()
      : folder_(absl::StrCat(::testing::TempDir(), "model_files_test")) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/vocab");
    Write("config.json", "{}");
    Write("vocab/source", "a");
  }
  ~ModelFilesTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  std::string Revision() {
    const auto files = DigestModelFiles(folder_);
    EXPECT_TRUE(files.ok()) << files.status();
    return files.value_or(ModelFiles()).revision;
  }

  const std::string folder_;
};

TEST_F(ModelFilesTest, TheRevisionIsOfNamesAndContents) {
  const std::string first = Revision();
  EXPECT_EQ(first.size(), 16u);
  EXPECT_EQ(Revision(), first);
  Write("vocab/source", "b");
  const std::string changed = Revision();
  EXPECT_NE(changed, first);
  Write("vocab/source", "a");
  EXPECT_EQ(Revision(), first);
  std::filesystem::rename(folder_ + "/vocab/source", folder_ + "/vocab/target");
  EXPECT_NE(Revision(), first);
}

TEST_F(ModelFilesTest, WhereTheFolderIsDoesNotMatter) {
  const std::string first = Revision();
  const std::string other = folder_ + "_moved";
  std::filesystem::rename(folder_, other);
  EXPECT_EQ(DigestModelFiles(other)->revision, first);
  std::filesystem::remove_all(other);
}

TEST_F(ModelFilesTest, Sizes) {
  EXPECT_EQ(SizeOfModelFiles(folder_), 3);
  EXPECT_EQ(DigestModelFiles(folder_)->bytes, 3);
  EXPECT_EQ(SizeOfModelFiles(folder_ + "/config.json"), 2);
  EXPECT_EQ(SizeOfModelFiles(folder_ + "/none"), 0);
}

// Which would never be opened.
TEST_F(ModelFilesTest, SpecialFilesAreRefusedUnopened) {
  ASSERT_EQ(mkfifo((folder_ + "/model.bin").c_str(), 0600), 0);
  EXPECT_THAT(std::string(CheckModelFiles(folder_).message()),
              HasSubstr("model.bin: found a special file"));
  EXPECT_FALSE(DigestModelFiles(folder_).ok());
  EXPECT_EQ(CheckModelFiles("/dev/null").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CheckModelFiles(folder_ + "/none").code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace peregrine::server
