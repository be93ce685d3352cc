#ifndef PEREGRINE_SERVER_ERRORS_H_
#define PEREGRINE_SERVER_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// The errors that callers see. Each carries its google.rpc details as payloads
// of the absl::Status, under the type URL that they have on the wire, so that
// status_mapping.h need not know any of them.
namespace peregrine::server {

// One field that is outside its limits.
struct FieldViolation {
  std::string field;        // "texts[3].options.beam_size"
  std::string description;  // "found 99, allowed 1 to 16"
};

// INVALID_ARGUMENT; `violations` has at least one.
absl::Status InvalidFieldsError(const std::vector<FieldViolation>& violations);

// RESOURCE_EXHAUSTED.
absl::Status QueueFullError(absl::string_view message,
                            absl::Duration retry_delay);

// RESOURCE_EXHAUSTED: with fewer in the queue the deadline could be met.
absl::Status QueueTooLongError(absl::Duration expected, absl::Duration left,
                               absl::Duration retry_delay);

// RESOURCE_EXHAUSTED, whatever the queue holds: the limits of one client.
absl::Status ClientLimitError(absl::string_view message,
                              absl::Duration retry_delay);

// RESOURCE_EXHAUSTED: of all clients together.
absl::Status TooManyCallsError(int calls);

// UNAUTHENTICATED.
absl::Status UnauthenticatedError(absl::string_view message);

// DEADLINE_EXCEEDED, before (`refused`) or during the work.
absl::Status DeadlineTooShortError(absl::Duration expected,
                                   absl::Duration left);
absl::Status DeadlinePassedError();

// UNAVAILABLE, each without a RetryInfo: another server is to be tried at once.
absl::Status DrainingError();
// The device of the worker failed with `cause`; another may do better.
absl::Status DeviceFailedError(const absl::Status& cause);
// Those of all workers of the model have.
absl::Status NoWorkerError(absl::string_view model);

// CANCELLED.
absl::Status CallCancelledError();

// NOT_FOUND, naming the models that there are.
absl::Status UnknownModelError(absl::string_view name,
                               const std::vector<std::string>& names);

// `text` in double quotes for an error message: escaped, and cut where long.
std::string Quoted(absl::string_view text);

// The reason of the ErrorInfo payload; empty if there is none.
std::string ReasonOf(const absl::Status& status);

// The delay of a RetryInfo payload, or zero if there is none.
absl::Duration RetryDelay(const absl::Status& status);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_ERRORS_H_
