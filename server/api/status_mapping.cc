#include "server/api/status_mapping.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "server/errors.h"

namespace peregrine::server {

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status proto;
  // The codes of absl, gRPC and google.rpc are the same numbers by definition.
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(std::string(status.message()));
  status.ForEachPayload(
      [&](absl::string_view type_url, const absl::Cord& payload) {
        auto* detail = proto.add_details();
        detail->set_type_url(std::string(type_url));
        detail->set_value(std::string(payload));
      });
  return proto;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const google::rpc::Status proto = ToRpcStatus(status);
  return proto.details().empty()
             ? grpc::Status(code, proto.message())
             : grpc::Status(code, proto.message(), proto.SerializeAsString());
}

grpc::Status ToCallStatus(const absl::Status& status,
                          grpc::CallbackServerContext& context) {
  const absl::Duration delay = RetryDelay(status);
  if (delay > absl::ZeroDuration()) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms",
                                absl::StrCat(absl::ToInt64Milliseconds(delay)));
  }
  return ToGrpcStatus(status);
}

}  // namespace peregrine::server
