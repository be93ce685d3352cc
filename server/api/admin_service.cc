#include "server/api/admin_service.h"

#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "engine/base/status_macros.h"
#include "server/api/call_context.h"
#include "server/api/model_description.h"
#include "server/api/status_mapping.h"
#include "server/errors.h"
#include "server/process/logging.h"
#include "server/service/call.h"
#include "spdlog/spdlog.h"

namespace peregrine::server {
namespace {

// The life of an administrator's call: `act` is what it is there for, about
// what `subject` names.
grpc::Status Answer(const char* method, grpc::ServerContext& context,
                    const CallEnvironment& environment,
                    const std::string& subject,
                    absl::FunctionRef<absl::Status()> act) {
  Call call(environment, InfoOf({"peregrine.v1.Admin", method}, context));
  SendIds(call.info().ids, context);
  absl::Status status = call.Begin();
  if (status.ok()) status = Authenticator::CheckAdmin(call.caller());
  if (status.ok()) status = act();
  if (status.ok()) {
    spdlog::info("admin: {} {} by {}", method, Loggable(subject),
                 Loggable(call.client()->name()));
  } else {
    spdlog::warn("admin: {} {}: {}", method, Loggable(subject),
                 Loggable(std::string(status.message())));
  }
  call.End(status, {});
  return ToGrpcStatus(status);
}

}  // namespace

AdminServiceImpl::AdminServiceImpl(ModelManager& manager,
                                   const CallEnvironment& environment,
                                   std::function<void()> drain)
    : manager_(manager), environment_(environment), drain_(std::move(drain)) {}

grpc::Status AdminServiceImpl::LoadModel(grpc::ServerContext* context,
                                         const v1::LoadModelRequest* request,
                                         v1::LoadModelResponse* response) {
  return Answer("LoadModel", *context, environment_, request->directory(),
                [&]() -> absl::Status {
                  if (request->directory().empty()) {
                    return InvalidFieldsError(
                        {{"directory", "found nothing, needed a path"}});
                  }
                  PEREGRINE_ASSIGN_OR_RETURN(
                      const ServedModelPtr model,
                      manager_.Load({request->name(), request->directory()}));
                  *response->mutable_model() =
                      DescribeModel(*model, environment_.options);
                  return absl::OkStatus();
                });
}

grpc::Status AdminServiceImpl::ReloadModel(
    grpc::ServerContext* context, const v1::ReloadModelRequest* request,
    v1::ReloadModelResponse* response) {
  return Answer("ReloadModel", *context, environment_, request->name(),
                [&]() -> absl::Status {
                  PEREGRINE_ASSIGN_OR_RETURN(
                      const ServedModelPtr model,
                      manager_.Reload(request->name(), request->directory()));
                  *response->mutable_model() =
                      DescribeModel(*model, environment_.options);
                  return absl::OkStatus();
                });
}

grpc::Status AdminServiceImpl::UnloadModel(
    grpc::ServerContext* context, const v1::UnloadModelRequest* request,
    v1::UnloadModelResponse* /*response*/) {
  return Answer("UnloadModel", *context, environment_, request->name(),
                [&] { return manager_.Unload(request->name()); });
}

grpc::Status AdminServiceImpl::Drain(grpc::ServerContext* context,
                                     const v1::DrainRequest* /*request*/,
                                     v1::DrainResponse* /*response*/) {
  return Answer("Drain", *context, environment_, "", [&] {
    drain_();
    return absl::OkStatus();
  });
}

}  // namespace peregrine::server
