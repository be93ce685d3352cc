#include "server/api/google_v3/service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/api/answer_at_once.h"
#include "server/api/google_v3/messages.h"
#include "server/api/unary_call.h"

namespace peregrine::server {
namespace {

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

grpc::ServerUnaryReactor* GoogleV3Service::GetGlossary(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Refuse<proto::GetGlossaryRequest, proto::Glossary>(
      "GetGlossary", "this server stores no glossaries", *context, environment_,
      *request, *response);
}

grpc::ServerUnaryReactor* GoogleV3Service::ListGlossaries(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return Refuse<proto::ListGlossariesRequest, proto::ListGlossariesResponse>(
      "ListGlossaries", "this server stores no glossaries", *context,
      environment_, *request, *response);
}

}  // namespace peregrine::server
