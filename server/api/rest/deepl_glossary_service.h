#ifndef PEREGRINE_SERVER_API_REST_DEEPL_GLOSSARY_SERVICE_H_
#define PEREGRINE_SERVER_API_REST_DEEPL_GLOSSARY_SERVICE_H_

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "peregrine/compat/v1/compat.grpc.pb.h"
#include "server/api/raw_service.h"
#include "server/service/call_environment.h"

namespace peregrine::server {

namespace rest {
using DeeplGlossaries = compat::v1::DeeplGlossaryService;
using RawDeeplGlossaryService = RawService<
    DeeplGlossaries::Service,
    DeeplGlossaries::WithRawCallbackMethod_ListGlossaryPairs,
    DeeplGlossaries::WithRawCallbackMethod_CreateGlossary,
    DeeplGlossaries::WithRawCallbackMethod_ListGlossaries,
    DeeplGlossaries::WithRawCallbackMethod_GetGlossary,
    DeeplGlossaries::WithRawCallbackMethod_GetGlossaryEntries,
    DeeplGlossaries::WithRawCallbackMethod_DeleteGlossary,
    DeeplGlossaries::WithRawCallbackMethod_CreateMultilingualGlossary,
    DeeplGlossaries::WithRawCallbackMethod_ListMultilingualGlossaries,
    DeeplGlossaries::WithRawCallbackMethod_GetMultilingualGlossary,
    DeeplGlossaries::WithRawCallbackMethod_GetDictionaryEntries,
    DeeplGlossaries::WithRawCallbackMethod_UpdateMultilingualGlossary,
    DeeplGlossaries::WithRawCallbackMethod_ReplaceDictionary,
    DeeplGlossaries::WithRawCallbackMethod_DeleteDictionary>;
}  // namespace rest

// DeepL's glossaries over the server's store, as the edge brings them. Those
// that a client makes are for itself alone: see GlossaryStore. Thread-safe.
class DeeplGlossaryService final : public rest::RawDeeplGlossaryService {
 public:
  // Must outlive the service.
  explicit DeeplGlossaryService(const CallEnvironment& environment)
      : environment_(environment) {}

  grpc::ServerUnaryReactor* ListGlossaryPairs(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CreateGlossary(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListGlossaries(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetGlossary(grpc::CallbackServerContext* context,
                                        const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetGlossaryEntries(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteGlossary(grpc::CallbackServerContext* context,
                                           const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CreateMultilingualGlossary(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListMultilingualGlossaries(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetMultilingualGlossary(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetDictionaryEntries(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* UpdateMultilingualGlossary(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ReplaceDictionary(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteDictionary(
      grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
      grpc::ByteBuffer* response) override;

 private:
  const CallEnvironment& environment_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_API_REST_DEEPL_GLOSSARY_SERVICE_H_
