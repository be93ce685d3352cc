#include "server/api/status_mapping.h"

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

template <typename Detail>
Detail DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), status.error_code());
  EXPECT_EQ(details.message(), status.error_message());
  Detail found;
  for (const auto& any : details.details()) {
    if (any.Is<Detail>()) {
      EXPECT_TRUE(any.UnpackTo(&found));
      return found;
    }
  }
  ADD_FAILURE() << "no " << Detail::descriptor()->full_name();
  return found;
}

TEST(StatusMappingTest, OkIsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(StatusMappingTest, EveryCodeKeepsItsNumberAndMessage) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status = ToGrpcStatus(
        absl::Status(static_cast<absl::StatusCode>(code), "what happened"));
    EXPECT_EQ(status.error_code(), code);
    EXPECT_EQ(status.error_message(), "what happened");
    EXPECT_EQ(status.error_details(), "");
  }
}

TEST(StatusMappingTest, FieldViolations) {
  const grpc::Status status = ToGrpcStatus(InvalidFieldsError(
      {{"texts[3].options.beam_size", "found 99, allowed 1 to 16"},
       {"texts[4].text", "too long"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(
      status.error_message(),
      "texts[3].options.beam_size: found 99, allowed 1 to 16 (and 1 more)");
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad_request.field_violations_size(), 2);
  EXPECT_EQ(bad_request.field_violations(1).field(), "texts[4].text");
  EXPECT_EQ(bad_request.field_violations(1).description(), "too long");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "INVALID_FIELD");
}

TEST(StatusMappingTest, ManyViolationsStayBelowTheMetadataLimit) {
  const std::vector<FieldViolation> many(
      10000, FieldViolation{"texts[10000].options.beam_size",
                            "found 99, allowed 1 to 16"});
  const grpc::Status status = ToGrpcStatus(InvalidFieldsError(many));
  EXPECT_LT(status.error_details().size() + status.error_message().size(),
            4096u);
}

TEST(StatusMappingTest, RetryInfo) {
  const grpc::Status status =
      ToGrpcStatus(QueueFullError("full", absl::Milliseconds(1250)));
  const auto retry = DetailOf<google::rpc::RetryInfo>(status);
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 250000000);
  EXPECT_EQ(RetryDelay(QueueFullError("full", absl::Milliseconds(1250))),
            absl::Milliseconds(1250));
  EXPECT_EQ(RetryDelay(absl::InternalError("x")), absl::ZeroDuration());
}

TEST(ErrorsTest, UnknownModelNamesThoseThatExist) {
  EXPECT_EQ(UnknownModelError("en-xx", {"en-de", "en-fr"}).message(),
            "model: found \"en-xx\", served here: en-de, en-fr");
}

TEST(ErrorsTest, QuotedEscapesAndCuts) {
  EXPECT_EQ(Quoted("a\nb\"c"), "\"a\\nb\\\"c\"");
  EXPECT_EQ(Quoted(std::string(100, 'x')),
            "\"" + std::string(64, 'x') + "\"...");
}

}  // namespace
}  // namespace peregrine::server
