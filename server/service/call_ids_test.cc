#include "server/service/call_ids.h"

#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kParent[] = "00f067aa0ba902b7";

std::string TraceOf(const std::string& header) {
  CallIds ids;
  ReadTraceparent(header, ids);
  EXPECT_EQ(ids.trace_id.empty(), ids.parent_id.empty());
  return ids.trace_id;
}

TEST(CallIdsTest, ReadsTraceparent) {
  const std::string middle = std::string(kTrace) + "-" + kParent;
  CallIds ids;
  ReadTraceparent("00-" + middle + "-01", ids);
  EXPECT_EQ(ids.trace_id, kTrace);
  EXPECT_EQ(ids.parent_id, kParent);
  EXPECT_EQ(TraceOf("cc-" + middle + "-01-what-the-future-brings"), kTrace);
  for (const std::string& bad :
       {std::string(), "ff-" + middle + "-01", "00-" + middle + "-01-more",
        "cc-" + middle + "-01.more", "00-" + middle, "00-" + middle + "-0",
        "0x-" + middle + "-01", "00-" + middle + "-0G",
        "00-" + std::string(32, '0') + "-" + kParent + "-01",
        std::string("00-") + kTrace + "-" + std::string(16, '0') + "-01",
        "00-" + std::string(32, 'A') + "-" + kParent + "-01",
        std::string("00_") + kTrace + "-" + kParent + "-01"}) {
    EXPECT_EQ(TraceOf(bad), "") << bad;
  }
}

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
