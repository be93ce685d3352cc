#include "compare/messages.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::compare {
namespace {

using ::testing::HasSubstr;

ModelFacts Facts() {
  ModelFacts facts;
  facts.format = "random weights";
  facts.precision = "int8";
  facts.parameters = 7;
  facts.longest = 99;
  facts.multiply_adds = model::MultiplyAdds{10, 20};
  return facts;
}

TEST(MessagesTest, FactsComeThrough) {
  EXPECT_EQ(ToJson(*ParseFacts(ToJson(Facts()))), ToJson(Facts()));
  ModelFacts peer = Facts();
  peer.multiply_adds.reset();
  EXPECT_FALSE(ParseFacts(ToJson(peer))->multiply_adds.has_value());
}

TEST(MessagesTest, RequestsAndResultsComeThrough) {
  const Json speed = ToJson(SpeedRequest{{3, 4}, 5, 6});
  EXPECT_TRUE(IsSpeedRequest(speed));
  EXPECT_EQ(ToJson(*ParseSpeedRequest(speed)), speed);
  const Json text = ToJson(TextRequest{{"a", "b"}, 5, 6});
  EXPECT_FALSE(IsSpeedRequest(text));
  EXPECT_EQ(ToJson(*ParseTextRequest(text)), text);
  const Json result = ToJson(SpeedResult{1, 2, 3, {4, 5}, 6});
  EXPECT_EQ(ToJson(*ParseSpeedResult(result)), result);
  const Json translated = ToJson(TextResult{1, {"x", "y"}});
  EXPECT_EQ(ToJson(*ParseTextResult(translated)), translated);
}

TEST(MessagesTest, ErrorsComeThrough) {
  const auto result =
      ParseSpeedResult(ErrorJson(absl::InternalError("out of paper")));
  EXPECT_EQ(result.status().message(), "out of paper");
}

TEST(MessagesTest, OtherMessagesAreNotTaken) {
  EXPECT_THAT(std::string(ParseFacts({{"format", 1}}).status().message()),
              HasSubstr("not the message that was expected"));
  EXPECT_FALSE(ParseSpeedResult({{"seconds", "long"}}).ok());
}

}  // namespace
}  // namespace peregrine::compare
