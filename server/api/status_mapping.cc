#include "server/api/status_mapping.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/server_context.h"
#include "server/errors.h"

namespace peregrine::server {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  // The codes of absl and of gRPC are the same numbers by definition.
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());

  google::rpc::Status details;
  status.ForEachPayload(
      [&](absl::string_view type_url, const absl::Cord& payload) {
        auto* detail = details.add_details();
        detail->set_type_url(std::string(type_url));
        detail->set_value(std::string(payload));
      });
  if (details.details().empty()) return grpc::Status(code, message);
  details.set_code(code);
  details.set_message(message);
  return grpc::Status(code, message, details.SerializeAsString());
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
