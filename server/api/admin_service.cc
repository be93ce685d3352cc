#include "server/api/admin_service.h"

#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "engine/base/status_macros.h"
#include "server/api/admin_call.h"
#include "server/api/model_description.h"
#include "server/errors.h"

namespace peregrine::server {
namespace {

grpc::Status Answer(const char* method, grpc::ServerContext& context,
                    const CallEnvironment& environment,
                    const std::string& subject,
                    absl::FunctionRef<absl::Status()> act) {
  return AnswerAdmin({"peregrine.v1.Admin", method}, context, environment,
                     subject, act);
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
