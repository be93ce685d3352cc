#include "server/service/request_log.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace peregrine::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RequestLogTest, IsOneLineOfJson) {
  CallRecord record;
  record.api = "peregrine.v1";
  record.method = "Translate";
  record.ids = {
      "id-1",
      TraceContext{"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1},
      "1234567890abcdef"};
  record.client = "team";
  record.model = "en-de";
  record.start = absl::UnixEpoch() + absl::Milliseconds(1250);
  record.duration = absl::Milliseconds(20);
  record.sentences = 3;
  EXPECT_EQ(RequestLog::Format(record),
            "{\"time\":\"1970-01-01T00:00:01.250Z\",\"request_id\":\"id-1\","
            "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
            "\"parent_id\":\"00f067aa0ba902b7\","
            "\"span_id\":\"1234567890abcdef\",\"api\":\"peregrine.v1\","
            "\"method\":\"Translate\","
            "\"client\":\"team\",\"model\":\"en-de\",\"outcome\":\"ok\","
            "\"seconds\":0.02,\"sentences\":3}");
}

TEST(RequestLogTest, NamesCannotBreakTheLineAndMessagesStayOut) {
  CallRecord record;
  record.client = "a\nb\"c\xff";
  record.status = absl::InvalidArgumentError("texts[0]: my secret");
  const std::string line = RequestLog::Format(record);
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  EXPECT_THAT(line, HasSubstr("\"client\":\"a\\nb\\\"c\\ufffd\""));
  EXPECT_THAT(line, HasSubstr("\"outcome\":\"invalid_argument\""));
  EXPECT_THAT(line, Not(HasSubstr("secret")));
  EXPECT_THAT(line, Not(HasSubstr("trace_id")));
  EXPECT_THAT(line, Not(HasSubstr("texts")));
}

TEST(RequestLogTest, TextsAreEscaped) {
  LoggedTexts texts;
  texts.Add("a\n\"b\"\x7f", "\xc3\xa4\x1b[2J");
  CallRecord record;
  record.texts = &texts;
  EXPECT_THAT(RequestLog::Format(record),
              HasSubstr("\"texts\":[{\"source\":\"a\\n\\\"b\\\"\\u007f\","
                        "\"translation\":\"\\u00e4\\u001b[2J\"}]"));
}

}  // namespace
}  // namespace peregrine::server
