#ifndef PEREGRINE_SERVER_API_REST_SERVICES_H_
#define PEREGRINE_SERVER_API_REST_SERVICES_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "peregrine/compat/v1/compat.grpc.pb.h"
#include "server/api/raw_service.h"
#include "server/service/call_environment.h"

// The REST APIs of others, as the edge brings them: peregrine.compat.v1. What
// each field does is told in docs/apis.md. All are thread-safe and work over
// the same life of calls as peregrine.v1.
namespace peregrine::server {

namespace rest {
using RawDeeplService =
    RawService<compat::v1::DeeplService::Service,
               compat::v1::DeeplService::WithRawCallbackMethod_Translate,
               compat::v1::DeeplService::WithRawCallbackMethod_ListLanguages,
               compat::v1::DeeplService::WithRawCallbackMethod_GetUsage>;
using RawLibreTranslateService = RawService<
    compat::v1::LibreTranslateService::Service,
    compat::v1::LibreTranslateService::WithRawCallbackMethod_Translate,
    compat::v1::LibreTranslateService::WithRawCallbackMethod_Detect,
    compat::v1::LibreTranslateService::WithRawCallbackMethod_ListLanguages,
    compat::v1::LibreTranslateService::WithRawCallbackMethod_GetSettings>;
using RawGoogleV2Service = RawService<
    compat::v1::GoogleV2Service::Service,
    compat::v1::GoogleV2Service::WithRawCallbackMethod_Translate,
    compat::v1::GoogleV2Service::WithRawCallbackMethod_Detect,
    compat::v1::GoogleV2Service::WithRawCallbackMethod_ListLanguages>;
}  // namespace rest

class DeeplService final : public rest::RawDeeplService {
 public:
  // Must outlive the service.
  explicit DeeplService(const CallEnvironment& environment)
      : environment_(environment) {}

  grpc::ServerUnaryReactor* Translate(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListLanguages(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetUsage(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
};

class LibreTranslateService final : public rest::RawLibreTranslateService {
 public:
  // `environment` must outlive the service. `needs_key`: calls need a token.
  LibreTranslateService(const CallEnvironment& environment, bool needs_key)
      : environment_(environment), needs_key_(needs_key) {}

  grpc::ServerUnaryReactor* Translate(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Detect(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListLanguages(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSettings(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
  const bool needs_key_;
};

class GoogleV2Service final : public rest::RawGoogleV2Service {
 public:
  // Must outlive the service.
  explicit GoogleV2Service(const CallEnvironment& environment)
      : environment_(environment) {}

  grpc::ServerUnaryReactor* Translate(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* Detect(grpc::CallbackServerContext* context,
                                   const grpc::ByteBuffer* request,
                                   grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListLanguages(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_REST_SERVICES_H_
