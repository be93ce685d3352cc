#include "proto/trace_context.h"

#include "gtest/gtest.h"

namespace peregrine {
namespace {

constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpan[] = "00f067aa0ba902b7";
const std::string& Middle() {
  static const auto* middle =
      new std::string(std::string(kTrace) + "-" + kSpan);
  return *middle;
}

TEST(TraceContextTest, ReadsWhatIsValid) {
  const auto context = ParseTraceparent("00-" + Middle() + "-01");
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_EQ(context->span_id, kSpan);
  EXPECT_EQ(context->flags, 1);
}

TEST(TraceContextTest, ReadsLaterVersionsAsFarAsItKnowsThem) {
  const auto context =
      ParseTraceparent("cc-" + Middle() + "-ff-what-the-future-brings");
  ASSERT_TRUE(context.has_value());
  EXPECT_EQ(context->trace_id, kTrace);
  EXPECT_EQ(FormatTraceContext(*context), "00-" + Middle() + "-03");
}

TEST(TraceContextTest, WhatIsNotValidIsNone) {
  for (const std::string& bad :
       {std::string(), "ff-" + Middle() + "-01", "00-" + Middle() + "-01-more",
        "cc-" + Middle() + "-01.more", "00-" + Middle(),
        "00-" + Middle() + "-0", "0x-" + Middle() + "-01",
        "00-" + Middle() + "-0G",
        "00-" + std::string(32, '0') + "-" + kSpan + "-01",
        std::string("00-") + kTrace + "-" + std::string(16, '0') + "-01",
        "00-" + std::string(32, 'A') + "-" + kSpan + "-01",
        std::string("00_") + kTrace + "-" + kSpan + "-01"}) {
    EXPECT_FALSE(ParseTraceparent(bad).has_value()) << bad;
  }
}

TEST(TraceContextTest, FormatsWhatItReads) {
  for (const char* flags : {"-00", "-01", "-02", "-03"}) {
    const std::string header = "00-" + Middle() + flags;
    EXPECT_EQ(FormatTraceContext(*ParseTraceparent(header)), header);
  }
}

}  // namespace
}  // namespace peregrine
