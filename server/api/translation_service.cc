#include "server/api/translation_service.h"

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/api/model_description.h"
#include "server/api/status_mapping.h"
#include "server/api/stream_call.h"
#include "server/api/unary_call.h"
#include "server/api/wire.h"
#include "server/service/score_job.h"
#include "server/service/text_job.h"
#include "server/service/token_job.h"

namespace peregrine::server {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using TranslateCall = UnaryCall<v1::TranslateRequest, TextJob>;
using TranslateTokensCall = UnaryCall<v1::TranslateTokensRequest, TokenJob>;
using ScoreTextsCall = UnaryCall<v1::ScoreTextsRequest, ScoreJob>;

// Answers a call that needs no worker.
template <typename Message, typename Handler>
grpc::ServerUnaryReactor* AnswerAtOnce(const char* method,
                                       CallbackServerContext* context,
                                       const CallEnvironment& environment,
                                       const ByteBuffer& bytes,
                                       ByteBuffer* response, Handler handler) {
  Call call(environment, InfoOf(method, *context));
  SendIds(call.info().ids, *context);
  if (bytes.Valid()) call.AddBytes(bytes.Length());
  Message message;
  absl::Status status = call.Begin();
  if (status.ok()) {
    status =
        ParseMessage(bytes, environment.options.max_message_bytes, message);
  }
  if (status.ok()) {
    auto answer = handler(message);
    status = answer.status();
    if (status.ok()) *response = SerializeMessage(*answer);
  }
  call.End(status, {});
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToCallStatus(status, *context));
  return reactor;
}

}  // namespace

TranslationServiceImpl::TranslationServiceImpl(const ModelSet& models,
                                               Authenticator& authenticator,
                                               const ServiceOptions& options,
                                               Metrics& metrics,
                                               PeerAccounts* peers)
    : models_(models),
      options_(options),
      request_log_(options.log_requests),
      environment_{models_, options_,    authenticator, request_log_,
                   metrics, open_calls_, peers} {}

grpc::ServerUnaryReactor* TranslationServiceImpl::Translate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return TranslateCall::Start("Translate", *context, environment_, *request,
                              *response);
}

grpc::ServerUnaryReactor* TranslationServiceImpl::TranslateTokens(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return TranslateTokensCall::Start("TranslateTokens", *context, environment_,
                                    *request, *response);
}

grpc::ServerUnaryReactor* TranslationServiceImpl::ScoreTexts(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return ScoreTextsCall::Start("ScoreTexts", *context, environment_, *request,
                               *response);
}

grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>*
TranslationServiceImpl::TranslateStream(CallbackServerContext* context) {
  auto* call = new StreamCall(*context, environment_);  // deletes itself
  call->Start();
  return call;
}

grpc::ServerUnaryReactor* TranslationServiceImpl::ListModels(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::ListModelsRequest>(
      "ListModels", context, environment_, *request, response,
      [this](const v1::ListModelsRequest&)
          -> absl::StatusOr<v1::ListModelsResponse> {
        v1::ListModelsResponse list;
        for (const ServedModelPtr& model : models_.all()) {
          *list.add_models() = DescribeModel(*model, options_);
        }
        return list;
      });
}

grpc::ServerUnaryReactor* TranslationServiceImpl::GetModel(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::GetModelRequest>(
      "GetModel", context, environment_, *request, response,
      [this](const v1::GetModelRequest& get) -> absl::StatusOr<v1::Model> {
        PEREGRINE_ASSIGN_OR_RETURN(const ServedModelPtr model,
                                   models_.Find(get.name(), "name"));
        return DescribeModel(*model, options_);
      });
}

}  // namespace peregrine::server
