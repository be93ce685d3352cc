#include "server/clients/token_file.h"

#include <sys/stat.h>

#include <cstdio>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

class TokenFileTest : public ::testing::Test {
 protected:
  TokenFileTest()
      : path_(absl::StrCat(::testing::TempDir(), "token_file_test")) {}
  ~TokenFileTest() override { std::remove(path_.c_str()); }

  // Puts a new file in place, as one should.
  void Write(const std::string& text) {
    const std::string part = path_ + ".part";
    std::ofstream(part) << text;
    ASSERT_EQ(std::rename(part.c_str(), path_.c_str()), 0);
  }
  static std::string Line(const std::string& name, const std::string& token) {
    return absl::StrCat(name, " ", absl::BytesToHexString(HashToken(token)),
                        "\n");
  }

  const std::string path_;
};

TEST_F(TokenFileTest, IsReadAgainWhenItChanges) {
  Write(Line("one", "a"));
  auto file = TokenFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE((*file)->Refresh());
  const auto held = (*file)->Current();
  EXPECT_EQ(held->count(HashToken("a")), 1u);
  Write(Line("two", "b"));
  EXPECT_TRUE((*file)->Refresh());
  const auto table = (*file)->Current();
  EXPECT_EQ(table->count(HashToken("a")), 0u);
  EXPECT_EQ(table->at(HashToken("b")).name, "two");
  EXPECT_EQ(held->count(HashToken("a")), 1u);
}

TEST_F(TokenFileTest, WhatIsWrongLeavesTheLastGoodOne) {
  Write(Line("one", "a"));
  auto file = *TokenFile::Open(path_);
  const std::string half = Line("two", "b").substr(0, 40);
  for (const std::string& wrong :
       {std::string("nonsense\n"), std::string(), std::string("# none\n"),
        Line("two", "b") + half, half,
        // Whole, but for the end of the last line: more may come.
        Line("two", "b") + Line("three", "c").substr(0, 70)}) {
    Write(wrong);
    const int64_t failures = file->failures();
    EXPECT_FALSE(file->Refresh()) << wrong;
    EXPECT_FALSE(file->Refresh()) << wrong;
    EXPECT_EQ(file->failures(), failures + 1) << "complained of once";
    EXPECT_EQ(file->Current()->count(HashToken("a")), 1u) << wrong;
    EXPECT_EQ(file->Current()->size(), 1u) << wrong;
  }
  std::remove(path_.c_str());
  EXPECT_FALSE(file->Refresh());
  EXPECT_EQ(file->Current()->count(HashToken("a")), 1u);
  Write(Line("two", "b"));
  EXPECT_TRUE(file->Refresh());
  EXPECT_EQ(file->Current()->count(HashToken("b")), 1u);
}

TEST_F(TokenFileTest, WhatIsWrittenOverIsTakenOnceItHasSettled) {
  Write(Line("one", "a") + Line("two", "b"));
  auto file = *TokenFile::Open(path_);
  std::ofstream(path_) << Line("one", "a");  // more is about to come
  EXPECT_FALSE(file->Refresh());
  EXPECT_EQ(file->Current()->size(), 2u);
  std::ofstream(path_, std::ios::app) << Line("three", "c") << Line("x", "d");
  EXPECT_FALSE(file->Refresh());
  EXPECT_TRUE(file->Refresh());
  EXPECT_EQ(file->Current()->size(), 3u);
}

// Which would never be opened.
TEST_F(TokenFileTest, SpecialFilesAreRefused) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(TokenFile::Open(path_).status().message(),
              HasSubstr("not a regular file"));
  Write(Line("one", "a"));
  auto file = *TokenFile::Open(path_);
  std::remove(path_.c_str());
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_FALSE(file->Refresh());
  EXPECT_EQ(file->Current()->size(), 1u);
}

TEST_F(TokenFileTest, AtTheStartItIsAnError) {
  EXPECT_THAT(TokenFile::Open(path_).status().message(),
              HasSubstr("--token-file: cannot read " + path_));
  Write("# tokens\nteam secret\n");
  EXPECT_THAT(TokenFile::Open(path_).status().message(),
              HasSubstr(path_ + " line 2: found no SHA-256"));
  Write("# none\n");
  EXPECT_THAT(TokenFile::Open(path_).status().message(),
              HasSubstr("it holds no token"));
}

}  // namespace
}  // namespace peregrine::server
