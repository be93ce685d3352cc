#include "engine/base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Write(const std::string& name, const std::string& content) {
  const std::string path = ::testing::TempDir() + "file_test_" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(ReadFileTest, AllOfIt) {
  const std::string content("one\0two\r\n", 9);
  EXPECT_EQ(*ReadFile(Write("all", content), 9, "a thing"), content);
  EXPECT_EQ(*ReadFile(Write("empty", ""), 9, "a thing"), "");
}

TEST(ReadFileTest, SaysWhatIsMissing) {
  const absl::Status status = ReadFile("no/such", 9, "a thing").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("no/such"), HasSubstr("expected a thing")));
}

TEST(ReadFileTest, SaysWhatIsTooLong) {
  const absl::Status status =
      ReadFile(Write("long", "0123456789"), 9, "a thing").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(
      std::string(status.message()),
      AllOf(HasSubstr("file_test_long"), HasSubstr("10"), HasSubstr("9")));
}

TEST(ReadFileTest, RefusesWhatIsNoFile) {
  const absl::Status status =
      ReadFile(::testing::TempDir(), 9, "a thing").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not a regular file"));
}

TEST(ReadFileTest, SaysWhatIsUnreadable) {
  const std::string path = Write("closed", "content");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  if (access(path.c_str(), R_OK) == 0) GTEST_SKIP() << "root reads everything";
  EXPECT_EQ(ReadFile(path, 9, "a thing").status().code(),
            absl::StatusCode::kPermissionDenied);
}

TEST(ReadFileTest, NoticesAFileThatIsShorterThanItSays) {
  // A regular file of one page by its size, whose content is two bytes or so.
  const std::string path = "/sys/kernel/mm/transparent_hugepage/enabled";
  if (access(path.c_str(), R_OK) != 0) GTEST_SKIP() << path << " is missing";
  EXPECT_EQ(ReadFile(path, 1 << 20, "a thing").status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(MappedFileTest, HoldsTheBytes) {
  const auto file = MappedFile::Open(Write("mapped", "bytes"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->bytes(), "bytes");
}

TEST(MappedFileTest, CopiesAnyPart) {
  const std::string content(100000, 'x');
  const auto file = MappedFile::Open(Write("copied", content + "end"));
  ASSERT_TRUE(file.ok()) << file.status();
  const absl::string_view bytes = (*file)->bytes();
  std::string copy(4, '\0');
  ASSERT_TRUE((*file)->Copy(bytes.substr(bytes.size() - 4), &copy[0]).ok());
  EXPECT_EQ(copy, "xend");
  ASSERT_TRUE((*file)->Copy("else", &copy[0]).ok());
  EXPECT_EQ(copy, "else");
  (*file)->Forget(bytes);
  EXPECT_EQ(bytes, content + "end");
}

TEST(MappedFileTest, NoticesThatTheFileHasBecomeShorter) {
  const std::string path = Write("shortened", "0123456789");
  const auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(truncate(path.c_str(), 5), 0);
  std::string copy(10, '\0');
  const absl::Status status = (*file)->Copy((*file)->bytes(), &copy[0]);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(path), HasSubstr("expected the 10 bytes")));
}

TEST(MappedFileTest, AnEmptyFileIsEmpty) {
  const auto file = MappedFile::Open(Write("mapped_empty", ""));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->bytes(), "");
}

TEST(MappedFileTest, NamesWhatIsNotThere) {
  EXPECT_EQ(MappedFile::Open("no/such").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(MappedFile::Open(::testing::TempDir()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace peregrine
