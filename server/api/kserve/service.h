#ifndef PEREGRINE_SERVER_API_KSERVE_SERVICE_H_
#define PEREGRINE_SERVER_API_KSERVE_SERVICE_H_

#include <functional>
#include <utility>

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/api/raw_service.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

namespace kserve {
using Api = ::inference::GRPCInferenceService;
using RawInferenceService =
    RawService<Api::Service, Api::WithRawCallbackMethod_ServerLive,
               Api::WithRawCallbackMethod_ServerReady,
               Api::WithRawCallbackMethod_ModelReady,
               Api::WithRawCallbackMethod_ServerMetadata,
               Api::WithRawCallbackMethod_ModelMetadata,
               Api::WithRawCallbackMethod_ModelInfer,
               Api::WithRawCallbackMethod_ModelConfig,
               Api::WithRawCallbackMethod_ModelStatistics,
               Api::WithRawCallbackMethod_RepositoryIndex>;
}  // namespace kserve

// inference.GRPCInferenceService (KServe v2) over the same life of calls as
// peregrine.v1: each model takes texts as one tensor of BYTES and gives
// translations as another. docs/apis.md tells the rest. Thread-safe.
class KserveService final : public kserve::RawInferenceService {
 public:
  // `environment` must outlive the service.
  KserveService(const CallEnvironment& environment,
                std::function<bool()> is_ready)
      : environment_(environment), is_ready_(std::move(is_ready)) {}

  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ModelConfig(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ModelStatistics(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RepositoryIndex(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
  const std::function<bool()> is_ready_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_KSERVE_SERVICE_H_
