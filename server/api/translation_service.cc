#include "server/api/translation_service.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/status_macros.h"
#include "server/api/answer_at_once.h"
#include "server/api/model_description.h"
#include "server/api/stream_call.h"
#include "server/api/unary_call.h"
#include "server/api/v1_messages.h"
#include "server/service/detection.h"
#include "server/service/request_checks.h"
#include "server/service/score_job.h"
#include "server/service/text_job.h"
#include "server/service/token_job.h"

namespace peregrine::server {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;

constexpr char kApi[] = "peregrine.v1";

template <typename MessageOfCall, typename JobOfCall>
struct Codec {
  using Message = MessageOfCall;
  using Job = JobOfCall;
  template <typename Request = decltype(ReadRequest(Message()))>
  absl::StatusOr<Request> Read(Message message) const {
    return ReadRequest(std::move(message));
  }
  template <typename Answer>
  auto Write(Answer answer) const {
    return WriteAnswer(std::move(answer));
  }
};
using TranslateCall = UnaryCall<Codec<v1::TranslateRequest, TextJob>>;
using TranslateTokensCall =
    UnaryCall<Codec<v1::TranslateTokensRequest, TokenJob>>;
using ScoreTextsCall = UnaryCall<Codec<v1::ScoreTextsRequest, ScoreJob>>;

}  // namespace

TranslationServiceImpl::TranslationServiceImpl(
    const ModelSet& models, Authenticator& authenticator,
    const ServiceOptions& options, Metrics& metrics, PeerAccounts* peers,
    SentenceCache* cache, const TextResources* texts, DemandLoader* loader)
    : models_(models),
      options_(options),
      request_log_(options.log_requests),
      environment_{models_,     options_, authenticator, request_log_, metrics,
                   open_calls_, peers,    cache,         texts,        loader} {
}

grpc::ServerUnaryReactor* TranslationServiceImpl::Translate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return TranslateCall::Start({kApi, "Translate"}, *context, environment_,
                              *request, *response);
}

grpc::ServerUnaryReactor* TranslationServiceImpl::TranslateTokens(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return TranslateTokensCall::Start({kApi, "TranslateTokens"}, *context,
                                    environment_, *request, *response);
}

grpc::ServerUnaryReactor* TranslationServiceImpl::ScoreTexts(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return ScoreTextsCall::Start({kApi, "ScoreTexts"}, *context, environment_,
                               *request, *response);
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
      {kApi, "ListModels"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const v1::ListModelsRequest&)
          -> absl::StatusOr<v1::ListModelsResponse> {
        v1::ListModelsResponse list;
        std::map<std::string, v1::Model> by_name;
        for (const auto& [name, model] : *models_.catalog()) {
          if (model.sound.ok()) by_name[name] = DescribeUnloaded(model);
        }
        for (const ServedModelPtr& model : models_.all()) {
          by_name[model->info().name] = DescribeModel(*model, options_);
        }
        for (auto& [name, model] : by_name) {
          *list.add_models() = std::move(model);
        }
        return list;
      });
}

grpc::ServerUnaryReactor* TranslationServiceImpl::GetModel(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::GetModelRequest>(
      {kApi, "GetModel"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [this](const v1::GetModelRequest& get) -> absl::StatusOr<v1::Model> {
        const absl::StatusOr<ServedModelPtr> model =
            models_.Find(get.name(), "name");
        if (model.ok()) return DescribeModel(**model, options_);
        const std::shared_ptr<const ModelCatalog> catalog = models_.catalog();
        const auto found = catalog->find(get.name());
        if (found == catalog->end()) return model.status();
        return DescribeUnloaded(found->second);
      });
}

grpc::ServerUnaryReactor* TranslationServiceImpl::ListLanguages(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::ListLanguagesRequest>(
      {kApi, "ListLanguages"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const v1::ListLanguagesRequest& list)
          -> absl::StatusOr<v1::ListLanguagesResponse> {
        if (!list.model().empty()) {
          PEREGRINE_RETURN_IF_ERROR(models_.CheckKnown(list.model(), "model"));
        }
        PEREGRINE_RETURN_IF_ERROR(
            CheckDisplayLanguage("display_language", list.display_language()));
        return WriteLanguages(models_.routes()->List(list.model()),
                              list.display_language());
      });
}

grpc::ServerUnaryReactor* TranslationServiceImpl::DetectLanguage(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::DetectLanguageRequest>(
      {kApi, "DetectLanguage"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](v1::DetectLanguageRequest& detect)
          -> absl::StatusOr<v1::DetectLanguageResponse> {
        PEREGRINE_ASSIGN_OR_RETURN(auto texts,
                                   Detect(ReadRequest(std::move(detect)),
                                          *models_.routes(), options_.limits));
        return WriteDetections(std::move(texts));
      });
}

}  // namespace peregrine::server
