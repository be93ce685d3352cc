#include "client/rpc_status.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace peregrine::client {
namespace {

google::rpc::Status ParseDetails(const grpc::Status& status) {
  google::rpc::Status details;
  // What is not a google.rpc.Status tells nothing more than the message does.
  if (!details.ParseFromString(status.error_details())) details.Clear();
  return details;
}

// Appends what the message does not say yet.
void AppendDetail(const std::string& detail, std::string* message) {
  if (absl::StrContains(*message, detail)) return;
  absl::StrAppend(message, message->empty() ? "" : "; ", detail);
}

void AppendViolations(const google::rpc::BadRequest& bad_request,
                      std::string* message) {
  for (const auto& violation : bad_request.field_violations()) {
    const bool field_named = absl::StrContains(*message, violation.field());
    if (field_named && absl::StrContains(*message, violation.description())) {
      continue;
    }
    AppendDetail(absl::StrCat(violation.field(), ": ", violation.description()),
                 message);
  }
}

}  // namespace

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) +
         absl::Nanoseconds(duration.nanos());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string message = status.error_message();
  const google::rpc::Status details = ParseDetails(status);
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::BadRequest bad_request;
    google::rpc::RetryInfo retry_info;
    if (detail.UnpackTo(&bad_request)) {
      AppendViolations(bad_request, &message);
    } else if (detail.UnpackTo(&retry_info)) {
      AppendDetail(
          absl::StrCat("try again in ", absl::FormatDuration(ToDuration(
                                            retry_info.retry_delay()))),
          &message);
    }
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      message);
}

absl::Status FromTextError(const v1::TextError& error) {
  // An error with no code is still an error.
  const auto code = error.code() == 0
                        ? absl::StatusCode::kUnknown
                        : static_cast<absl::StatusCode>(error.code());
  return absl::Status(code, error.message());
}

bool IsRetryable(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
         absl::IsCancelled(status);
}

absl::optional<absl::Duration> RetryDelay(const grpc::Status& status) {
  const google::rpc::Status details = ParseDetails(status);
  for (const google::protobuf::Any& detail : details.details()) {
    google::rpc::RetryInfo retry_info;
    if (detail.UnpackTo(&retry_info)) {
      return ToDuration(retry_info.retry_delay());
    }
  }
  return absl::nullopt;
}

}  // namespace peregrine::client
