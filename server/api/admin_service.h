#ifndef PEREGRINE_SERVER_API_ADMIN_SERVICE_H_
#define PEREGRINE_SERVER_API_ADMIN_SERVICE_H_

#include <functional>

#include "grpcpp/server_context.h"
#include "peregrine/v1/admin.grpc.pb.h"
#include "server/models/model_manager.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

// The peregrine.v1.AdminService; its contract is in the proto file. Calls
// block their thread, which is one of gRPC's own for this service.
class AdminServiceImpl final : public v1::AdminService::Service {
 public:
  // Both must outlive the service. `drain` begins the end of the server and
  // returns at once.
  AdminServiceImpl(ModelManager& manager, const CallEnvironment& environment,
                   std::function<void()> drain);

  grpc::Status LoadModel(grpc::ServerContext* context,
                         const v1::LoadModelRequest* request,
                         v1::LoadModelResponse* response) override;
  grpc::Status ReloadModel(grpc::ServerContext* context,
                           const v1::ReloadModelRequest* request,
                           v1::ReloadModelResponse* response) override;
  grpc::Status UnloadModel(grpc::ServerContext* context,
                           const v1::UnloadModelRequest* request,
                           v1::UnloadModelResponse* response) override;
  grpc::Status Drain(grpc::ServerContext* context,
                     const v1::DrainRequest* request,
                     v1::DrainResponse* response) override;

 private:
  ModelManager& manager_;
  const CallEnvironment& environment_;
  const std::function<void()> drain_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_ADMIN_SERVICE_H_
