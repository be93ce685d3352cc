#include "client/rpc_status.h"

#include <string>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace peregrine::client {
namespace {

grpc::Status WithDetail(grpc::StatusCode code, const std::string& message,
                        const google::protobuf::Message& detail) {
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  details.add_details()->PackFrom(detail);
  return grpc::Status(code, message, details.SerializeAsString());
}

google::rpc::BadRequest BeamSizeViolation() {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field("texts[3].options.beam_size");
  violation->set_description("found 0, allowed 1 to 32");
  return bad_request;
}

google::rpc::RetryInfo RetryIn250Milliseconds() {
  google::rpc::RetryInfo retry_info;
  retry_info.mutable_retry_delay()->set_nanos(250'000'000);
  return retry_info;
}

TEST(RpcStatusTest, OkIsOk) {
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
}

TEST(RpcStatusTest, NamesTheFieldOfABadRequest) {
  const absl::Status status = FromGrpcStatus(WithDetail(
      grpc::StatusCode::INVALID_ARGUMENT, "bad request", BeamSizeViolation()));
  EXPECT_EQ(status, absl::InvalidArgumentError(
                        "bad request; texts[3].options.beam_size: found 0, "
                        "allowed 1 to 32"));
}

TEST(RpcStatusTest, DoesNotRepeatWhatTheMessageSays) {
  const std::string message =
      "texts[3].options.beam_size: found 0, allowed 1 to 32";
  const absl::Status status = FromGrpcStatus(WithDetail(
      grpc::StatusCode::INVALID_ARGUMENT, message, BeamSizeViolation()));
  EXPECT_EQ(status, absl::InvalidArgumentError(message));
}

TEST(RpcStatusTest, TellsWhenToTryAgain) {
  const grpc::Status status =
      WithDetail(grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full",
                 RetryIn250Milliseconds());
  EXPECT_EQ(
      FromGrpcStatus(status),
      absl::ResourceExhaustedError("the queue is full; try again in 250ms"));
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(250));
}

TEST(RpcStatusTest, SurvivesDetailsThatAreNone) {
  const grpc::Status status(grpc::StatusCode::INTERNAL, "oops", "\xff\xff");
  EXPECT_EQ(FromGrpcStatus(status), absl::InternalError("oops"));
  EXPECT_EQ(RetryDelay(status), absl::nullopt);
}

TEST(RpcStatusTest, TextErrorKeepsItsCode) {
  v1::TextError error;
  error.set_code(8);
  error.set_message("full");
  EXPECT_EQ(FromTextError(error), absl::ResourceExhaustedError("full"));
  EXPECT_FALSE(FromTextError(v1::TextError()).ok());
}

TEST(RpcStatusTest, OnlyPassingTroubleIsRetryable) {
  EXPECT_TRUE(IsRetryable(absl::UnavailableError("")));
  EXPECT_TRUE(IsRetryable(absl::ResourceExhaustedError("")));
  EXPECT_TRUE(IsRetryable(absl::CancelledError("")));  // by the server
  EXPECT_FALSE(IsRetryable(absl::OkStatus()));
  EXPECT_FALSE(IsRetryable(absl::InvalidArgumentError("")));
  EXPECT_FALSE(IsRetryable(absl::DeadlineExceededError("")));
}

}  // namespace
}  // namespace peregrine::client
