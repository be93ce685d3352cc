#include "server/api/admin_service.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/api/call_context.h"
#include "server/api/model_description.h"
#include "server/api/status_mapping.h"
#include "server/errors.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

grpc::Status Report(const char* method, const std::string& model,
                    const absl::Status& status) {
  if (!status.ok()) {
    spdlog::warn("admin: {} {}: {}", method, model,
                 std::string(status.message()));
  }
  return ToGrpcStatus(status);
}

}  // namespace

AdminServiceImpl::AdminServiceImpl(ModelManager& manager,
                                   Authenticator& authenticator,
                                   std::function<void()> drain)
    : manager_(manager),
      authenticator_(authenticator),
      drain_(std::move(drain)) {}

grpc::Status AdminServiceImpl::LoadModel(grpc::ServerContext* context,
                                         const v1::LoadModelRequest* request,
                                         v1::LoadModelResponse* response) {
  if (absl::Status status =
          authenticator_.CheckAdmin(InfoOf("", *context).claims, absl::Now());
      !status.ok()) {
    return ToGrpcStatus(status);
  }
  if (request->directory().empty()) {
    return ToGrpcStatus(
        InvalidFieldsError({{"directory", "found nothing, needed a path"}}));
  }
  const auto model = manager_.Load({request->name(), request->directory()});
  if (model.ok()) *response->mutable_model() = DescribeModel(**model);
  return Report("LoadModel", request->directory(), model.status());
}

grpc::Status AdminServiceImpl::ReloadModel(
    grpc::ServerContext* context, const v1::ReloadModelRequest* request,
    v1::ReloadModelResponse* response) {
  if (absl::Status status =
          authenticator_.CheckAdmin(InfoOf("", *context).claims, absl::Now());
      !status.ok()) {
    return ToGrpcStatus(status);
  }
  const auto model = manager_.Reload(request->name(), request->directory());
  if (model.ok()) *response->mutable_model() = DescribeModel(**model);
  return Report("ReloadModel", request->name(), model.status());
}

grpc::Status AdminServiceImpl::UnloadModel(
    grpc::ServerContext* context, const v1::UnloadModelRequest* request,
    v1::UnloadModelResponse* /*response*/) {
  if (absl::Status status =
          authenticator_.CheckAdmin(InfoOf("", *context).claims, absl::Now());
      !status.ok()) {
    return ToGrpcStatus(status);
  }
  return Report("UnloadModel", request->name(),
                manager_.Unload(request->name()));
}

grpc::Status AdminServiceImpl::Drain(grpc::ServerContext* context,
                                     const v1::DrainRequest* /*request*/,
                                     v1::DrainResponse* /*response*/) {
  if (absl::Status status =
          authenticator_.CheckAdmin(InfoOf("", *context).claims, absl::Now());
      !status.ok()) {
    return ToGrpcStatus(status);
  }
  spdlog::info("admin: drain");
  drain_();
  return grpc::Status::OK;
}

}  // namespace peregrine::server
