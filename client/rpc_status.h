#ifndef PEREGRINE_CLIENT_RPC_STATUS_H_
#define PEREGRINE_CLIENT_RPC_STATUS_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "google/protobuf/duration.pb.h"
#include "grpcpp/support/status.h"
#include "peregrine/v1/translation.pb.h"

namespace peregrine::client {

absl::Duration ToDuration(const google::protobuf::Duration& duration);

// The status of a call, with the google.rpc details of its trailer (which
// field is wrong, when to try again) written into the message.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The error of one text of a stream.
absl::Status FromTextError(const v1::TextError& error);

// Whether the same call may succeed a little later.
bool IsRetryable(const absl::Status& status);

// When the server wants the next attempt, if it said so.
absl::optional<absl::Duration> RetryDelay(const grpc::Status& status);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_RPC_STATUS_H_
