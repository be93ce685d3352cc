#include "server/api/google_v3/service.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/api/answer_at_once.h"
#include "server/api/glossary_access.h"
#include "server/api/google_v3/glossaries.h"
#include "server/api/google_v3/messages.h"
#include "server/api/unary_call.h"
#include "server/service/request_checks.h"

namespace peregrine::server {
namespace {

using google::longrunning::Operation;
using grpc::ByteBuffer;
using grpc::CallbackServerContext;
namespace proto = google_v3::proto;

constexpr char kApi[] = "google.v3";

// What a call is answered with that asks for what the server cannot do.
template <typename Request, typename Response>
grpc::ServerUnaryReactor* Refuse(const char* method, const char* why,
                                 CallbackServerContext& context,
                                 const CallEnvironment& environment,
                                 const ByteBuffer& request,
                                 ByteBuffer& response) {
  return AnswerAtOnce<Request>(
      {kApi, method}, context, environment, request, response,
      /*is_request=*/false,
      [&](const Request& /*message*/) -> absl::StatusOr<Response> {
        return absl::UnimplementedError(absl::StrCat(method, ": ", why));
      });
}

}  // namespace

grpc::ServerUnaryReactor* GoogleV3Service::TranslateText(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return UnaryCall<google_v3::TranslateTextCodec>::Start(
      {kApi, "TranslateText"}, *context, environment_, *request, *response);
}

grpc::ServerUnaryReactor* GoogleV3Service::DetectLanguage(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::DetectLanguageRequest>(
      {kApi, "DetectLanguage"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](proto::DetectLanguageRequest& message)
          -> absl::StatusOr<proto::DetectLanguageResponse> {
        PEREGRINE_ASSIGN_OR_RETURN(
            const DetectionRequest detect,
            google_v3::ReadDetection(std::move(message)));
        PEREGRINE_ASSIGN_OR_RETURN(const auto texts,
                                   Detect(detect, *environment_.models.routes(),
                                          environment_.options.limits));
        return google_v3::WriteDetection(texts[0]);
      });
}

grpc::ServerUnaryReactor* GoogleV3Service::GetSupportedLanguages(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::GetSupportedLanguagesRequest>(
      {kApi, "GetSupportedLanguages"}, *context, environment_, *request,
      *response, /*is_request=*/true,
      [this](const proto::GetSupportedLanguagesRequest& message)
          -> absl::StatusOr<proto::SupportedLanguages> {
        const absl::string_view model = google_v3::ModelOf(message.model());
        if (!model.empty()) {
          PEREGRINE_RETURN_IF_ERROR(
              environment_.models.CheckKnown(model, "model"));
        }
        PEREGRINE_RETURN_IF_ERROR(CheckDisplayLanguage(
            "display_language_code", message.display_language_code()));
        return google_v3::WriteLanguages(
            environment_.models.routes()->List(model),
            message.display_language_code());
      });
}

grpc::ServerUnaryReactor* GoogleV3Service::AdaptiveMtTranslate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Refuse<proto::AdaptiveMtTranslateRequest,
                proto::AdaptiveMtTranslateResponse>(
      "AdaptiveMtTranslate", "no model adapts to a dataset; use TranslateText",
      *context, environment_, *request, *response);
}

grpc::ServerUnaryReactor* GoogleV3Service::RomanizeText(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Refuse<proto::RomanizeTextRequest, proto::RomanizeTextResponse>(
      "RomanizeText", "no model romanizes", *context, environment_, *request,
      *response);
}

grpc::ServerUnaryReactor* GoogleV3Service::CreateGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::CreateGlossaryRequest>(
      {kApi, "CreateGlossary"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const proto::CreateGlossaryRequest& message,
             const Call& call) -> absl::StatusOr<Operation> {
        PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store,
                                   Needed(GlossariesOf(environment_)));
        PEREGRINE_ASSIGN_OR_RETURN(
            google_v3::NewGlossary created,
            google_v3::ReadGlossary(message,
                                    environment_.options.gcs_directory));
        created.head.owner = call.client()->name();
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            store->Create(std::move(created.head),
                          std::move(created.dictionaries),
                          environment_.options.max_glossaries_per_client));
        return google_v3::WriteCreated(
            *glossary, absl::StrCat(message.parent(), "/glossaries/",
                                    glossary->head().name));
      });
}

grpc::ServerUnaryReactor* GoogleV3Service::DeleteGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::DeleteGlossaryRequest>(
      {kApi, "DeleteGlossary"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const proto::DeleteGlossaryRequest& message,
             const Call& call) -> absl::StatusOr<Operation> {
        PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store,
                                   Needed(GlossariesOf(environment_)));
        PEREGRINE_RETURN_IF_ERROR(store->DeleteOwn(
            call.client()->name(), google_v3::GlossaryOf(message.name())));
        return google_v3::WriteDeleted(message.name());
      });
}

grpc::ServerUnaryReactor* GoogleV3Service::GetGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::GetGlossaryRequest>(
      {kApi, "GetGlossary"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const proto::GetGlossaryRequest& message,
             const Call& call) -> absl::StatusOr<proto::Glossary> {
        PEREGRINE_ASSIGN_OR_RETURN(GlossaryStore * store,
                                   Needed(GlossariesOf(environment_)));
        PEREGRINE_ASSIGN_OR_RETURN(
            const StoredGlossaryPtr glossary,
            store->FindFor(call.client()->name(),
                           google_v3::GlossaryOf(message.name())));
        return google_v3::WriteGlossary(*glossary, message.name());
      });
}

grpc::ServerUnaryReactor* GoogleV3Service::ListGlossaries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<proto::ListGlossariesRequest>(
      {kApi, "ListGlossaries"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const proto::ListGlossariesRequest& message, const Call& call)
          -> absl::StatusOr<proto::ListGlossariesResponse> {
        std::vector<StoredGlossaryPtr> all;
        const GlossaryStore* store = GlossariesOf(environment_);
        if (store != nullptr) all = store->AllFor(call.client()->name());
        return google_v3::WriteGlossaries(all, message);
      });
}

}  // namespace peregrine::server
