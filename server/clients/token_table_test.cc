#include "server/clients/token_table.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Hex(absl::string_view token) {
  return absl::BytesToHexString(HashToken(token));
}

TEST(TokenTableTest, TheHashIsSha256) {
  EXPECT_EQ(Hex("abc"),  // FIPS 180-2, B.1
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(TokenTableTest, ReadsNamesAndLimits) {
  const auto table = ParseTokenTable(absl::StrCat(
      "# who may call\n\n  plain ", Hex("one"), "\r\nteam\t", Hex("two"),
      "  requests-per-second=2.5 max-requests=3 weight=4 admin\nteam ",
      Hex("three")));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 3u);
  EXPECT_EQ(table->at(HashToken("one")).name, "plain");
  EXPECT_EQ(table->at(HashToken("one")).limits.requests_per_second, 0);
  EXPECT_FALSE(table->at(HashToken("one")).admin);
  const TokenOwner& team = table->at(HashToken("two"));
  EXPECT_EQ(team.name, "team");
  EXPECT_EQ(team.limits.requests_per_second, 2.5);
  EXPECT_EQ(team.limits.max_requests, 3);
  EXPECT_EQ(team.limits.weight, 4);
  EXPECT_TRUE(team.admin);
  EXPECT_EQ(table->at(HashToken("three")).name, "team");
  EXPECT_TRUE(ParseTokenTable("")->empty());
}

TEST(TokenTableTest, SaysWhichLineIsWrongAndRepeatsNoHash) {
  const auto refused = [](const std::string& line) {
    const auto table = ParseTokenTable(absl::StrCat("# first\n", line));
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument)
        << line;
    return std::string(table.status().message());
  };
  const std::string good = absl::StrCat("team ", Hex("one"));
  for (const std::string& line :
       {std::string("team"), "team " + Hex("one").substr(1),
        "team " + Hex("one") + "0", "team " + std::string(64, 'g'), Hex("one"),
        std::string("team secret")}) {
    EXPECT_EQ(refused(line),
              "line 2: found no SHA-256 of 64 hexadecimal digits after the "
              "name");
  }
  EXPECT_THAT(refused(good + " weight=0"), HasSubstr("found \"weight=0\""));
  EXPECT_THAT(refused(good + " weight=nan"), HasSubstr("above 0"));
  EXPECT_THAT(refused(good + " weight=inf"), HasSubstr("above 0"));
  EXPECT_THAT(refused(good + " weight"), HasSubstr("found \"weight\""));
  EXPECT_THAT(refused(good + " speed=1"), HasSubstr("found \"speed\", known"));
  const std::string twice = refused(good + "\n" + good);
  EXPECT_EQ(twice, "line 3: found a token that stands above, too");
  EXPECT_THAT(twice, Not(HasSubstr(Hex("one"))));
}

}  // namespace
}  // namespace peregrine::server
