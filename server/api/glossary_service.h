#ifndef PEREGRINE_SERVER_API_GLOSSARY_SERVICE_H_
#define PEREGRINE_SERVER_API_GLOSSARY_SERVICE_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "peregrine/v1/glossary.grpc.pb.h"
#include "server/api/raw_service.h"
#include "server/glossaries/glossary_store.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

// peregrine.v1.GlossaryService, whose contract is in the proto file, at the
// address of the administrators. Calls block their thread, which is one of
// gRPC's own for this service. Null as store: FAILED_PRECONDITION.
class GlossaryAdminService final : public v1::GlossaryService::Service {
 public:
  // Both must outlive the service.
  GlossaryAdminService(GlossaryStore* store, const CallEnvironment& environment)
      : store_(store), environment_(environment) {}

  grpc::Status ListGlossaries(grpc::ServerContext* context,
                              const v1::ListGlossariesRequest* request,
                              v1::ListGlossariesResponse* response) override;
  grpc::Status GetGlossary(grpc::ServerContext* context,
                           const v1::GetGlossaryRequest* request,
                           v1::GetGlossaryResponse* response) override;
  grpc::Status PutGlossary(grpc::ServerContext* context,
                           const v1::PutGlossaryRequest* request,
                           v1::PutGlossaryResponse* response) override;
  grpc::Status DeleteGlossary(grpc::ServerContext* context,
                              const v1::DeleteGlossaryRequest* request,
                              v1::DeleteGlossaryResponse* response) override;

 private:
  GlossaryStore* const store_;
  const CallEnvironment& environment_;
};

using RawGlossaryService =
    RawService<v1::GlossaryService::Service,
               v1::GlossaryService::WithRawCallbackMethod_ListGlossaries,
               v1::GlossaryService::WithRawCallbackMethod_GetGlossary,
               v1::GlossaryService::WithRawCallbackMethod_PutGlossary,
               v1::GlossaryService::WithRawCallbackMethod_DeleteGlossary>;

// The same for everybody: reads, and refuses changes.
class GlossaryReaderService final : public RawGlossaryService {
 public:
  // Must outlive the service.
  explicit GlossaryReaderService(const CallEnvironment& environment)
      : environment_(environment) {}

  grpc::ServerUnaryReactor* ListGlossaries(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetGlossary(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* PutGlossary(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteGlossary(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_GLOSSARY_SERVICE_H_
