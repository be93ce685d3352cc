#include "server/api/wire.h"

#include "gtest/gtest.h"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::server {
namespace {

grpc::ByteBuffer BytesOf(const std::string& data) {
  grpc::Slice slice(data);
  return grpc::ByteBuffer(&slice, 1);
}

// Serialises a valid request, then damages the text in place.
std::string WithBadBytes(const google::protobuf::Message& message) {
  std::string data = message.SerializeAsString();
  const size_t place = data.find("BAD");
  EXPECT_NE(place, std::string::npos);
  data[place + 1] = '\xff';
  return data;
}

TEST(WireTest, RoundTrip) {
  v1::TranslateRequest request, parsed;
  request.set_model("en-de");
  request.add_texts()->set_text("Hällo");
  ASSERT_TRUE(ParseMessage(SerializeMessage(request), parsed).ok());
  EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString());
}

TEST(WireTest, SeveralSlices) {
  v1::TranslateRequest request, parsed;
  request.add_texts()->set_text("Hello");
  const std::string data = request.SerializeAsString();
  grpc::Slice slices[] = {grpc::Slice(data.substr(0, 3)),
                          grpc::Slice(data.substr(3))};
  ASSERT_TRUE(ParseMessage(grpc::ByteBuffer(slices, 2), parsed).ok());
  EXPECT_EQ(parsed.texts(0).text(), "Hello");
}

TEST(WireTest, NamesTheStringThatIsNotUtf8) {
  v1::TranslateRequest request, parsed;
  request.add_texts()->set_text("fine");
  request.add_texts()->set_text("fine BAD");
  const absl::Status status =
      ParseMessage(BytesOf(WithBadBytes(request)), parsed);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "texts[1].text: not valid UTF-8 at byte 6");
}

TEST(WireTest, NamesStringsAtAnyDepth) {
  v1::TranslateTokensRequest request, parsed;
  request.add_sources()->add_tokens("a");
  request.add_sources()->add_tokens("b");
  request.mutable_sources(1)->add_tokens("BAD");
  EXPECT_EQ(ParseMessage(BytesOf(WithBadBytes(request)), parsed).message(),
            "sources[1].tokens[1]: not valid UTF-8 at byte 1");
}

TEST(WireTest, MalformedBytes) {
  v1::TranslateRequest parsed;
  for (const std::string data :
       {"\x12\xff", "\xff\xff\xff", "\x07", "garbage that is no message"}) {
    const absl::Status status = ParseMessage(BytesOf(data), parsed);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << data;
    EXPECT_EQ(status.message(), "request: not a peregrine.v1.TranslateRequest");
  }
}

TEST(WireTest, SalvagesTheId) {
  v1::TranslateStreamRequest request;
  request.set_id("id-7");
  request.mutable_text()->set_text("BAD");
  EXPECT_EQ(SalvageString(BytesOf(WithBadBytes(request)),
                          v1::TranslateStreamRequest::kIdFieldNumber),
            "id-7");
  EXPECT_EQ(SalvageString(BytesOf("\xff\xff"), 1), "");
}

}  // namespace
}  // namespace peregrine::server
