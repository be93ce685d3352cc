#ifndef PEREGRINE_SERVER_API_TRANSLATION_SERVICE_H_
#define PEREGRINE_SERVER_API_TRANSLATION_SERVICE_H_

#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "peregrine/v1/translation.grpc.pb.h"
#include "server/api/raw_service.h"
#include "server/metrics/metrics.h"
#include "server/models/models.h"
#include "server/service/call_environment.h"
#include "server/service/open_calls.h"

namespace peregrine::server {

using RawTranslationService =
    RawService<v1::TranslationService::Service,
               v1::TranslationService::WithRawCallbackMethod_Translate,
               v1::TranslationService::WithRawCallbackMethod_TranslateStream,
               v1::TranslationService::WithRawCallbackMethod_TranslateTokens,
               v1::TranslationService::WithRawCallbackMethod_ScoreTexts,
               v1::TranslationService::WithRawCallbackMethod_ListModels,
               v1::TranslationService::WithRawCallbackMethod_GetModel,
               v1::TranslationService::WithRawCallbackMethod_ListLanguages,
               v1::TranslationService::WithRawCallbackMethod_DetectLanguage>;

// The peregrine.v1.TranslationService; its contract is in the proto file.
// Thread-safe: gRPC calls it from threads of its own.
class TranslationServiceImpl final : public RawTranslationService {
 public:
  // All must outlive the service.
  TranslationServiceImpl(const ModelSet& models, Authenticator& authenticator,
                         const ServiceOptions& options, Metrics& metrics,
                         PeerAccounts* peers = nullptr,
                         SentenceCache* cache = nullptr,
                         const TextResources* texts = nullptr,
                         DemandLoader* loader = nullptr);

  // Ends the open streams as soon as what they sent is answered.
  void Drain() { open_calls_.Drain(); }
  void EndRevokedStreams() { open_calls_.EndRevoked(); }
  // What the calls of other services share with those of this one.
  const CallEnvironment& environment() const { return environment_; }
  OpenCalls::Counts open_calls() const { return open_calls_.counts(); }
  // False: calls are still open at `deadline`.
  bool AwaitNoCalls(absl::Time deadline) {
    return open_calls_.AwaitNone(deadline);
  }

  grpc::ServerUnaryReactor* Translate(grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* TranslateStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* TranslateTokens(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ScoreTexts(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListLanguages(grpc::CallbackServerContext* context,
                                          const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DetectLanguage(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;

 private:
  const ModelSet& models_;
  const ServiceOptions options_;
  const RequestLog request_log_;
  OpenCalls open_calls_;
  const CallEnvironment environment_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_TRANSLATION_SERVICE_H_
