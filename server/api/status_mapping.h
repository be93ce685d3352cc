#ifndef PEREGRINE_SERVER_API_STATUS_MAPPING_H_
#define PEREGRINE_SERVER_API_STATUS_MAPPING_H_

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace grpc {
class CallbackServerContext;
}  // namespace grpc

namespace peregrine::server {

// The one way from absl::Status to the wire: code, message, and the payloads as
// details.
google::rpc::Status ToRpcStatus(const absl::Status& status);
grpc::Status ToGrpcStatus(const absl::Status& status);

// The same for the end of a call: also sets the trailer
// `grpc-retry-pushback-ms`, which gRPC clients with a retry policy obey, when
// the status has a RetryInfo. Before the reactor's Finish.
grpc::Status ToCallStatus(const absl::Status& status,
                          grpc::CallbackServerContext& context);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_STATUS_MAPPING_H_
