#include "server/api/wire.h"

#include "gtest/gtest.h"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::server {
namespace {

constexpr int kMaxBytes = 1 << 20;

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
  ASSERT_TRUE(ParseMessage(SerializeMessage(request), kMaxBytes, parsed).ok());
  EXPECT_EQ(parsed.SerializeAsString(), request.SerializeAsString());
}

TEST(WireTest, SeveralSlices) {
  v1::TranslateRequest request, parsed;
  request.add_texts()->set_text("Hello");
  const std::string data = request.SerializeAsString();
  grpc::Slice slices[] = {grpc::Slice(data.substr(0, 3)),
                          grpc::Slice(data.substr(3))};
  ASSERT_TRUE(
      ParseMessage(grpc::ByteBuffer(slices, 2), kMaxBytes, parsed).ok());
  EXPECT_EQ(parsed.texts(0).text(), "Hello");
}

TEST(WireTest, NamesTheStringThatIsNotUtf8) {
  v1::TranslateRequest request, parsed;
  request.add_texts()->set_text("fine");
  request.add_texts()->set_text("fine BAD");
  const absl::Status status =
      ParseMessage(BytesOf(WithBadBytes(request)), kMaxBytes, parsed);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "texts[1].text: not valid UTF-8 at byte 6");
}

TEST(WireTest, NamesStringsAtAnyDepth) {
  v1::TranslateTokensRequest request, parsed;
  request.add_sources()->add_tokens("a");
  request.add_sources()->add_tokens("b");
  request.mutable_sources(1)->add_tokens("BAD");
  EXPECT_EQ(
      ParseMessage(BytesOf(WithBadBytes(request)), kMaxBytes, parsed).message(),
      "sources[1].tokens[1]: not valid UTF-8 at byte 1");
}

TEST(WireTest, MalformedBytes) {
  v1::TranslateRequest parsed;
  for (const std::string data :
       {"\x12\xff", "\xff\xff\xff", "\x07", "garbage that is no message"}) {
    const absl::Status status = ParseMessage(BytesOf(data), kMaxBytes, parsed);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << data;
    EXPECT_EQ(status.message(), "request: not a peregrine.v1.TranslateRequest");
  }
}

// Two bytes on the wire, and some fifty in memory.
TEST(WireTest, ElementsAreBounded) {
  const auto status_of = [](int elements) {
    std::string data;
    for (int i = 0; i < elements; ++i) data.append("\x12\x00", 2);
    v1::TranslateRequest parsed;
    return ParseMessage(BytesOf(data), kMaxBytes, parsed);
  };
  EXPECT_TRUE(status_of(kMaxElements).ok());
  EXPECT_EQ(status_of(kMaxElements + 1).message(),
            "request: found more than 131072 elements, allowed at most 131072");
}

TEST(WireTest, ElementsOfElementsCount) {
  v1::TranslateTokensRequest request;
  for (int i = 0; i < 3; ++i) request.add_sources()->add_tokens("a");
  request.set_model("m");
  request.mutable_options()->set_beam_size(2);
  EXPECT_EQ(
      CountElements(request.SerializeAsString(), *request.GetDescriptor()),
      3 + 3 + 1 + 1 + 1);
}

TEST(WireTest, UnknownFieldsCount) {
  std::string data;
  for (int i = 0; i <= kMaxElements; ++i) data.append("\x78\x01", 2);
  v1::TranslateRequest parsed;
  EXPECT_FALSE(ParseMessage(BytesOf(data), kMaxBytes, parsed).ok());
}

TEST(WireTest, SalvagesTheId) {
  v1::TranslateStreamRequest request;
  request.set_id("id-7");
  request.mutable_text()->set_text("BAD");
  EXPECT_EQ(SalvageString(BytesOf(WithBadBytes(request)), kMaxBytes,
                          v1::TranslateStreamRequest::kIdFieldNumber),
            "id-7");
  EXPECT_EQ(SalvageString(BytesOf("\xff\xff"), kMaxBytes, 1), "");
}

}  // namespace
}  // namespace peregrine::server
