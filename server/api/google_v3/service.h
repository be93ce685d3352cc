#ifndef PEREGRINE_SERVER_API_GOOGLE_V3_SERVICE_H_
#define PEREGRINE_SERVER_API_GOOGLE_V3_SERVICE_H_

#include "google/cloud/translate/v3/translation_service.grpc.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/raw_service.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

namespace google_v3 {
using Api = ::google::cloud::translation::v3::TranslationService;
using RawTranslationService =
    RawService<Api::Service, Api::WithRawCallbackMethod_TranslateText,
               Api::WithRawCallbackMethod_DetectLanguage,
               Api::WithRawCallbackMethod_GetSupportedLanguages,
               Api::WithRawCallbackMethod_AdaptiveMtTranslate,
               Api::WithRawCallbackMethod_RomanizeText,
               Api::WithRawCallbackMethod_CreateGlossary,
               Api::WithRawCallbackMethod_DeleteGlossary,
               Api::WithRawCallbackMethod_GetGlossary,
               Api::WithRawCallbackMethod_ListGlossaries>;
}  // namespace google_v3

// google.cloud.translation.v3.TranslationService over the same life of calls as
// peregrine.v1. What each field does is told in docs/apis.md. Thread-safe.
class GoogleV3Service final : public google_v3::RawTranslationService {
 public:
  // Must outlive the service.
  explicit GoogleV3Service(const CallEnvironment& environment)
      : environment_(environment) {}

  grpc::ServerUnaryReactor* TranslateText(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DetectLanguage(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSupportedLanguages(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AdaptiveMtTranslate(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RomanizeText(grpc::CallbackServerContext* context,
                                         const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CreateGlossary(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteGlossary(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetGlossary(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListGlossaries(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_GOOGLE_V3_SERVICE_H_
