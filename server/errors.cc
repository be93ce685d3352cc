#include "server/errors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/optional.h"
#include "engine/text/utf8.h"
#include "google/rpc/error_details.pb.h"

namespace peregrine::server {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";
constexpr absl::string_view kDomain = "peregrine";

// All details travel in one trailer, and clients take no more than 8 KiB of
// metadata by default.
constexpr size_t kMaxViolations = 8;
constexpr size_t kMaxQuotedBytes = 64;
constexpr size_t kMaxNamedModels = 16;

constexpr absl::Duration kFullServerDelay = absl::Milliseconds(100);
constexpr absl::Duration kOutOfMemoryDelay = absl::Seconds(1);

template <typename Detail>
std::string TypeUrl() {
  return absl::StrCat(kTypePrefix, Detail::descriptor()->full_name());
}

template <typename Detail>
void Attach(const Detail& detail, absl::Status& status) {
  status.SetPayload(TypeUrl<Detail>(), absl::Cord(detail.SerializeAsString()));
}

void AttachReason(absl::string_view reason, absl::Status& status) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason));
  info.set_domain(std::string(kDomain));
  Attach(info, status);
}

void AttachRetryDelay(absl::Duration delay, absl::Status& status) {
  google::rpc::RetryInfo info;
  const int64_t seconds = absl::IDivDuration(delay, absl::Seconds(1), &delay);
  info.mutable_retry_delay()->set_seconds(seconds);
  info.mutable_retry_delay()->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(delay)));
  Attach(info, status);
}

absl::Status WithReason(absl::Status status, absl::string_view reason) {
  AttachReason(reason, status);
  return status;
}

// One that may succeed when it is tried again after `retry_delay`.
absl::Status Retryable(absl::Status status, absl::string_view reason,
                       absl::Duration retry_delay) {
  AttachRetryDelay(retry_delay, status);
  return WithReason(std::move(status), reason);
}

// "expected to take 70 ms, the deadline leaves 50 ms"
std::string TooLong(absl::Duration expected, absl::Duration left) {
  return absl::StrCat("expected to take ", absl::ToInt64Milliseconds(expected),
                      " ms, the deadline leaves ",
                      absl::ToInt64Milliseconds(left), " ms");
}

}  // namespace

absl::Status InvalidFieldsError(const std::vector<FieldViolation>& violations) {
  std::string message =
      absl::StrCat(violations[0].field, ": ", violations[0].description);
  if (violations.size() > 1) {
    absl::StrAppend(&message, " (and ", violations.size() - 1, " more)");
  }
  google::rpc::BadRequest details;
  for (size_t i = 0; i < std::min(violations.size(), kMaxViolations); ++i) {
    auto* violation = details.add_field_violations();
    violation->set_field(violations[i].field);
    violation->set_description(violations[i].description);
  }
  absl::Status status = absl::InvalidArgumentError(message);
  Attach(details, status);
  return WithReason(std::move(status), "INVALID_FIELD");
}

absl::Status QueueFullError(absl::string_view message,
                            absl::Duration retry_delay) {
  return Retryable(absl::ResourceExhaustedError(message), "QUEUE_FULL",
                   retry_delay);
}

absl::Status QueueTooLongError(absl::Duration expected, absl::Duration left,
                               absl::Duration retry_delay) {
  return Retryable(
      absl::ResourceExhaustedError(absl::StrCat(
          "the queue is too long for the deadline: ", TooLong(expected, left))),
      "QUEUE_TOO_LONG", retry_delay);
}

absl::Status ClientLimitError(absl::string_view message,
                              absl::Duration retry_delay) {
  return Retryable(absl::ResourceExhaustedError(message), "CLIENT_LIMIT",
                   retry_delay);
}

absl::Status TooManyCallsError(int calls) {
  return Retryable(absl::ResourceExhaustedError(absl::StrCat(
                       "the server has ", calls, " calls open, all it may")),
                   "TOO_MANY_CALLS", kFullServerDelay);
}

absl::Status UnauthenticatedError(absl::string_view message) {
  return WithReason(absl::UnauthenticatedError(message), "TOKEN_NEEDED");
}

absl::Status DeadlineTooShortError(absl::Duration expected,
                                   absl::Duration left) {
  return WithReason(absl::DeadlineExceededError(
                        absl::StrCat("refused: ", TooLong(expected, left))),
                    "DEADLINE_TOO_SHORT");
}

absl::Status DeadlinePassedError() {
  return WithReason(
      absl::DeadlineExceededError("the deadline passed before the translation "
                                  "was finished"),
      "DEADLINE_PASSED");
}

absl::Status DrainingError() {
  return WithReason(
      absl::UnavailableError("the server is draining; try another one"),
      "DRAINING");
}

absl::Status DeviceFailedError(const absl::Status& cause) {
  if (cause.code() == absl::StatusCode::kResourceExhausted) {
    return Retryable(absl::ResourceExhaustedError(absl::StrCat(
                         "out of memory, try again: ", cause.message())),
                     "OUT_OF_MEMORY", kOutOfMemoryDelay);
  }
  return WithReason(absl::UnavailableError(absl::StrCat(
                        "the device failed, try again: ", cause.message())),
                    "DEVICE_FAILED");
}

absl::Status NoWorkerError(absl::string_view model) {
  return WithReason(absl::UnavailableError(
                        absl::StrCat("no worker is left for the model ",
                                     Quoted(model), "; try another server")),
                    "NO_WORKER");
}

absl::Status CallCancelledError() {
  return absl::CancelledError("the call was cancelled");
}

absl::Status UnknownModelError(absl::string_view name,
                               const std::vector<std::string>& names) {
  const auto end = names.begin() + std::min(names.size(), kMaxNamedModels);
  std::string message =
      absl::StrCat("model: found ", Quoted(name),
                   ", served here: ", absl::StrJoin(names.begin(), end, ", "));
  if (end != names.end()) absl::StrAppend(&message, ", ...");
  return WithReason(absl::NotFoundError(message), "MODEL_NOT_FOUND");
}

std::string Quoted(absl::string_view text) {
  // No half of a character, which protobuf would not send.
  const absl::string_view shown = text::Utf8Prefix(text, kMaxQuotedBytes);
  return absl::StrCat("\"", absl::Utf8SafeCEscape(shown),
                      shown.size() < text.size() ? "\"..." : "\"");
}

std::string ReasonOf(const absl::Status& status) {
  if (status.ok()) return "";
  const absl::optional<absl::Cord> payload =
      status.GetPayload(TypeUrl<google::rpc::ErrorInfo>());
  google::rpc::ErrorInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) {
    return "";
  }
  return info.reason();
}

absl::Duration RetryDelay(const absl::Status& status) {
  const absl::optional<absl::Cord> payload =
      status.GetPayload(TypeUrl<google::rpc::RetryInfo>());
  google::rpc::RetryInfo info;
  if (!payload.has_value() || !info.ParseFromString(std::string(*payload))) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

}  // namespace peregrine::server
