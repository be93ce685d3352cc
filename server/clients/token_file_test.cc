#include "server/clients/token_file.h"

#include <cstdio>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;

const absl::Time kStart = absl::UnixEpoch();

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
  EXPECT_EQ((*file)->Current(kStart)->count(HashToken("a")), 1u);
  Write(Line("two", "b"));
  const auto held = (*file)->Current(kStart + absl::Milliseconds(999));
  EXPECT_EQ(held->count(HashToken("b")), 0u);
  const auto table = (*file)->Current(kStart + absl::Seconds(1));
  EXPECT_EQ(table->count(HashToken("a")), 0u);
  EXPECT_EQ(table->at(HashToken("b")).name, "two");
  EXPECT_EQ(held->count(HashToken("a")), 1u);
}

TEST_F(TokenFileTest, WhatIsWrongLeavesTheLastGoodOne) {
  Write(Line("one", "a"));
  auto file = *TokenFile::Open(path_);
  Write("nonsense");
  EXPECT_EQ(file->Current(kStart)->count(HashToken("a")), 1u);
  std::remove(path_.c_str());
  EXPECT_EQ(file->Current(kStart + absl::Seconds(1))->count(HashToken("a")),
            1u);
  Write(Line("two", "b"));
  EXPECT_EQ(file->Current(kStart + absl::Seconds(2))->count(HashToken("b")),
            1u);
}

TEST_F(TokenFileTest, AtTheStartItIsAnError) {
  EXPECT_THAT(TokenFile::Open(path_).status().message(),
              HasSubstr("--token-file: cannot read " + path_));
  Write("# tokens\nteam secret\n");
  EXPECT_THAT(TokenFile::Open(path_).status().message(),
              HasSubstr(path_ + " line 2: found no SHA-256"));
}

}  // namespace
}  // namespace peregrine::server
