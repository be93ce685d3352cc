#include "server/glossaries/bucket_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace peregrine::server {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class BucketFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/buckets-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    root_ = folder_ + "/root";
    fs::create_directories(root_ + "/mine/terms");
    std::ofstream(root_ + "/mine/terms/a.csv") << "a,b";
    std::ofstream(folder_ + "/secret") << "secret";
    fs::create_symlink(folder_ + "/secret", root_ + "/mine/link");
    fs::create_symlink(root_ + "/mine/terms/a.csv", root_ + "/mine/inside");
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder_;
  std::string root_;
};

TEST_F(BucketFilesTest, ReadsAFile) {
  const auto content = ReadBucketFile(root_, "gs://mine/terms/a.csv", 3);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(*content, "a,b");
  EXPECT_TRUE(ReadBucketFile(root_, "gs://mine/inside", 3).ok());
  EXPECT_THAT(
      std::string(
          ReadBucketFile(root_, "gs://mine/terms/a.csv", 2).status().message()),
      HasSubstr("found 3 bytes, allowed at most 2"));
}

TEST_F(BucketFilesTest, ReadsNothingElse) {
  for (const char* uri : {"gs://mine/other", "gs://mine/terms",
                          "gs://mine/link", "gs://other/a.csv"}) {
    EXPECT_TRUE(absl::IsNotFound(ReadBucketFile(root_, uri, 99).status()))
        << uri;
  }
  for (const char* uri :
       {"", "a.csv", "/etc/passwd", "file:///etc/passwd", "gs://", "gs://mine",
        "gs:///mine/a", "gs://mine/../mine/terms/a.csv", "gs://../secret",
        "gs://mine//terms/a.csv", "gs://mine/./terms/a.csv"}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(ReadBucketFile(root_, uri, 99).status()))
        << uri;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(
      ReadBucketFile("", "gs://mine/terms/a.csv", 99).status()));
}

}  // namespace
}  // namespace peregrine::server
