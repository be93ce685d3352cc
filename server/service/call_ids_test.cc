#include "server/service/call_ids.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

TEST(CallIdsTest, RequestIdsAreShortAndPlain) {
  EXPECT_TRUE(IsRequestId("a"));
  EXPECT_TRUE(IsRequestId("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
  EXPECT_TRUE(IsRequestId("web_1.2:77"));
  EXPECT_TRUE(IsRequestId(std::string(128, 'x')));
  EXPECT_FALSE(IsRequestId(""));
  EXPECT_FALSE(IsRequestId(std::string(129, 'x')));
  EXPECT_FALSE(IsRequestId("two words"));
  EXPECT_FALSE(IsRequestId("line\nbreak"));
  EXPECT_FALSE(IsRequestId("quote\""));
  EXPECT_FALSE(IsRequestId("\xc3\xa4"));
}

}  // namespace
}  // namespace peregrine::server
