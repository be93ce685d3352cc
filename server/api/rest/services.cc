#include "server/api/rest/services.h"

#include <utility>

#include "engine/base/status_macros.h"
#include "server/api/answer_at_once.h"
#include "server/api/rest/deepl.h"
#include "server/api/rest/google_v2.h"
#include "server/api/rest/json_body.h"
#include "server/api/rest/libretranslate.h"
#include "server/api/unary_call.h"
#include "server/service/request_checks.h"

namespace peregrine::server {
namespace {

using google::api::HttpBody;
using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using rest::Json;

constexpr char kDeepl[] = "deepl.v2";
constexpr char kLibreTranslate[] = "libretranslate";
constexpr char kGoogleV2[] = "google.v2";

std::vector<Routes::Language> Languages(const CallEnvironment& environment) {
  return environment.models.routes()->List("");
}

// The languages of texts of any API.
template <typename Message>
absl::StatusOr<std::vector<DetectedText>> DetectOf(
    const CallEnvironment& environment, Message& message) {
  return Detect(rest::ReadDetection(std::move(message)),
                *environment.models.routes(), environment.options.limits);
}

}  // namespace

grpc::ServerUnaryReactor* DeeplService::Translate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return UnaryCall<rest::DeeplTranslateCodec>::Start(
      {kDeepl, "Translate"}, *context, environment_, *request, *response);
}

grpc::ServerUnaryReactor* DeeplService::ListLanguages(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::DeeplListLanguagesRequest>(
      {kDeepl, "ListLanguages"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const compat::v1::DeeplListLanguagesRequest& message) {
        return rest::WriteDeeplLanguages(Languages(environment_),
                                         message.type());
      });
}

grpc::ServerUnaryReactor* DeeplService::GetUsage(CallbackServerContext* context,
                                                 const ByteBuffer* request,
                                                 ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::DeeplGetUsageRequest>(
      {kDeepl, "GetUsage"}, *context, environment_, *request, *response,
      /*is_request=*/false,
      [](const compat::v1::DeeplGetUsageRequest& /*message*/)
          -> absl::StatusOr<HttpBody> {
        return rest::WriteBody(Json::object());  // there is no quota
      });
}

grpc::ServerUnaryReactor* LibreTranslateService::Translate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return UnaryCall<rest::LibreTranslateCodec>::Start(
      {kLibreTranslate, "Translate"}, *context, environment_, *request,
      *response);
}

grpc::ServerUnaryReactor* LibreTranslateService::Detect(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::LibreTranslateDetectRequest>(
      {kLibreTranslate, "Detect"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](compat::v1::LibreTranslateDetectRequest& message)
          -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(const auto texts,
                                   DetectOf(environment_, message));
        return rest::WriteLibreTranslateDetection(texts[0]);
      });
}

grpc::ServerUnaryReactor* LibreTranslateService::ListLanguages(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::LibreTranslateListLanguagesRequest>(
      {kLibreTranslate, "ListLanguages"}, *context, environment_, *request,
      *response,
      /*is_request=*/true,
      [this](const compat::v1::LibreTranslateListLanguagesRequest& /*message*/)
          -> absl::StatusOr<HttpBody> {
        return rest::WriteLibreTranslateLanguages(Languages(environment_));
      });
}

grpc::ServerUnaryReactor* LibreTranslateService::GetSettings(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::LibreTranslateGetSettingsRequest>(
      {kLibreTranslate, "GetSettings"}, *context, environment_, *request,
      *response,
      /*is_request=*/true,
      [this](const compat::v1::LibreTranslateGetSettingsRequest& /*message*/)
          -> absl::StatusOr<HttpBody> {
        return rest::WriteLibreTranslateSettings(
            Languages(environment_), environment_.options.limits, needs_key_);
      });
}

grpc::ServerUnaryReactor* GoogleV2Service::Translate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return UnaryCall<rest::GoogleV2Codec>::Start(
      {kGoogleV2, "Translate"}, *context, environment_, *request, *response);
}

grpc::ServerUnaryReactor* GoogleV2Service::Detect(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::GoogleV2DetectRequest>(
      {kGoogleV2, "Detect"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](compat::v1::GoogleV2DetectRequest& message)
          -> absl::StatusOr<HttpBody> {
        PEREGRINE_ASSIGN_OR_RETURN(const auto texts,
                                   DetectOf(environment_, message));
        return rest::WriteGoogleV2Detections(texts);
      });
}

grpc::ServerUnaryReactor* GoogleV2Service::ListLanguages(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<compat::v1::GoogleV2ListLanguagesRequest>(
      {kGoogleV2, "ListLanguages"}, *context, environment_, *request, *response,
      /*is_request=*/true,
      [this](const compat::v1::GoogleV2ListLanguagesRequest& message)
          -> absl::StatusOr<HttpBody> {
        PEREGRINE_RETURN_IF_ERROR(
            CheckDisplayLanguage("target", message.target()));
        return rest::WriteGoogleV2Languages(Languages(environment_),
                                            message.target());
      });
}

}  // namespace peregrine::server
