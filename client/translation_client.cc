#include "client/translation_client.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <iterator>
#include <utility>

#include "absl/strings/str_format.h"
#include "client/rpc_status.h"
#include "engine/text/utf8.h"
#include "grpcpp/grpcpp.h"

namespace peregrine::client {
namespace {

// The unary calls are repeated by gRPC itself, which honours the server's
// `grpc-retry-pushback-ms`. TranslateStream is not among them: only
// BulkTranslation knows which of its texts were answered.
std::string ServiceConfig(int max_attempts) {
  return absl::StrFormat(
      R"({"methodConfig": [{
        "name": [
          {"service": "peregrine.v1.TranslationService", "method": "Translate"},
          {"service": "peregrine.v1.TranslationService", "method": "TranslateTokens"},
          {"service": "peregrine.v1.TranslationService", "method": "ScoreTexts"},
          {"service": "peregrine.v1.TranslationService", "method": "ListModels"},
          {"service": "peregrine.v1.TranslationService", "method": "GetModel"},
          {"service": "peregrine.v1.TranslationService", "method": "ListLanguages"},
          {"service": "peregrine.v1.TranslationService", "method": "DetectLanguage"}
        ],
        "retryPolicy": {
          "maxAttempts": %d,
          "initialBackoff": "0.1s",
          "maxBackoff": "2s",
          "backoffMultiplier": 2,
          "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
        }
      }]})",
      max_attempts);
}

void SetDeadline(absl::Duration deadline, grpc::ClientContext* context) {
  if (deadline == absl::InfiniteDuration()) return;
  context->set_deadline(absl::ToChronoTime(absl::Now() + deadline));
}

absl::Status NotUtf8(const std::string& name, std::size_t offset) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: not UTF-8 at byte %d", name, offset));
}

// What `texts[i]` and the like are called in an error: `name`(i).
template <typename Texts, typename Name>
absl::Status CheckUtf8(const Texts& texts, const Name& name) {
  int index = 0;
  for (const auto& text : texts) {
    if (const auto offset = text::FindInvalidUtf8(text)) {
      return NotUtf8(name(index), *offset);
    }
    ++index;
  }
  return absl::OkStatus();
}

absl::Status CheckTexts(const std::vector<std::string>& texts) {
  return CheckUtf8(
      texts, [](int index) { return absl::StrFormat("texts[%d]", index); });
}

// What requests have in common.
template <typename Request>
void SetCommon(const TranslationSettings& settings, Request* request) {
  request->set_model(settings.model);
  *request->mutable_options() = settings.decoding;
  request->set_source_language(settings.source_language);
  request->set_target_language(settings.target_language);
  request->set_priority(settings.priority);
  request->set_no_cache(settings.no_cache);
}

template <typename Message>
std::vector<Message> ToVector(
    google::protobuf::RepeatedPtrField<Message>* messages) {
  return std::vector<Message>(std::make_move_iterator(messages->begin()),
                              std::make_move_iterator(messages->end()));
}

void SetKeepalive(const ClientOptions& options,
                  grpc::ChannelArguments* arguments) {
  if (options.keepalive_time <= absl::ZeroDuration()) return;
  const auto milliseconds = [](absl::Duration duration) {
    return static_cast<int>(
        std::min<std::int64_t>(absl::ToInt64Milliseconds(duration), INT_MAX));
  };
  arguments->SetInt(GRPC_ARG_KEEPALIVE_TIME_MS,
                    milliseconds(options.keepalive_time));
  arguments->SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                    milliseconds(options.keepalive_timeout));
  // However long a call stays silent; by default two pings are all.
  arguments->SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
}

}  // namespace

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address,
                                           const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  // A policy of one attempt is not valid: it is then no policy.
  if (options.max_attempts > 1) {
    arguments.SetServiceConfigJSON(ServiceConfig(options.max_attempts));
  } else {
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  }
  arguments.SetLoadBalancingPolicyName("round_robin");
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, options.own_connections);
  SetKeepalive(options, &arguments);
  // By default 1 s to 2 minutes: a server that is replaced is back in seconds.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  // An answer is as long as its question, which the server has limited.
  arguments.SetMaxReceiveMessageSize(-1);
  return MakeChannel(address, options.security, options.metadata, arguments);
}

TranslationClient::TranslationClient(const std::string& address,
                                     const ClientOptions& options)
    : options_(options),
      stub_(v1::TranslationService::NewStub(OpenChannel(address, options))) {}

template <typename Request, typename Response>
absl::StatusOr<Response> TranslationClient::Run(
    Method<Request, Response> method, const Request& request,
    const CallOptions& call) const {
  grpc::ClientContext context;
  SetDeadline(call.deadline.value_or(options_.deadline), &context);
  for (const auto& [name, value] : call.metadata) {
    context.AddMetadata(name, value);
  }
  const Cancellation::Scope scope(call.cancellation, &context);
  Response response;
  const grpc::Status status = (*stub_.*method)(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

absl::StatusOr<v1::TranslateResponse> TranslationClient::Translate(
    const std::vector<std::string>& texts, const TranslationSettings& settings,
    const CallOptions& call) const {
  std::vector<v1::Text> messages(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) messages[i].set_text(texts[i]);
  return TranslateTexts(messages, settings, call);
}

absl::StatusOr<v1::TranslateResponse> TranslationClient::TranslateTexts(
    const std::vector<v1::Text>& texts, const TranslationSettings& settings,
    const CallOptions& call) const {
  v1::TranslateRequest request;
  for (const v1::Text& text : texts) {
    if (const auto offset = text::FindInvalidUtf8(text.text())) {
      return NotUtf8(absl::StrFormat("texts[%d]", request.texts_size()),
                     *offset);
    }
    *request.add_texts() = text;
  }
  SetCommon(settings, &request);
  request.set_single_sentence(settings.single_sentence);
  if (settings.text.ByteSizeLong() > 0) {
    *request.mutable_text_options() = settings.text;
  }
  return Run(&v1::TranslationService::Stub::Translate, request, call);
}

absl::StatusOr<v1::TranslateTokensResponse> TranslationClient::TranslateTokens(
    const std::vector<std::vector<std::string>>& sources,
    const TranslationSettings& settings, const CallOptions& call) const {
  v1::TranslateTokensRequest request;
  SetCommon(settings, &request);
  for (const std::vector<std::string>& tokens : sources) {
    const int number = request.sources_size();
    const absl::Status checked = CheckUtf8(tokens, [number](int index) {
      return absl::StrFormat("sources[%d].tokens[%d]", number, index);
    });
    if (!checked.ok()) return checked;
    request.add_sources()->mutable_tokens()->Assign(tokens.begin(),
                                                    tokens.end());
  }
  return Run(&v1::TranslationService::Stub::TranslateTokens, request, call);
}

absl::StatusOr<v1::ScoreTextsResponse> TranslationClient::Score(
    const v1::ScoreTextsRequest& request, const CallOptions& call) const {
  for (int i = 0; i < request.pairs_size(); ++i) {
    const v1::TextPair& pair = request.pairs(i);
    for (const v1::Phrase* side : {&pair.source(), &pair.target()}) {
      const auto offset = text::FindInvalidUtf8(side->text());
      if (!offset.has_value()) continue;
      const char* name = side == &pair.source() ? "source" : "target";
      return NotUtf8(absl::StrFormat("pairs[%d].%s", i, name), *offset);
    }
  }
  return Run(&v1::TranslationService::Stub::ScoreTexts, request, call);
}

std::unique_ptr<BulkTranslation> TranslationClient::TranslateBulk(
    const TranslationSettings& settings, const BulkOptions& options) const {
  return std::make_unique<BulkTranslation>(stub_.get(), settings, options);
}

absl::StatusOr<std::vector<v1::Model>> TranslationClient::ListModels(
    const CallOptions& call) const {
  auto response = Run(&v1::TranslationService::Stub::ListModels,
                      v1::ListModelsRequest(), call);
  if (!response.ok()) return response.status();
  return ToVector(response->mutable_models());
}

absl::StatusOr<v1::Model> TranslationClient::GetModel(
    const std::string& name, const CallOptions& call) const {
  v1::GetModelRequest request;
  request.set_name(name);
  return Run(&v1::TranslationService::Stub::GetModel, request, call);
}

absl::StatusOr<std::vector<v1::Language>> TranslationClient::ListLanguages(
    const std::string& display_language, const std::string& model,
    const CallOptions& call) const {
  v1::ListLanguagesRequest request;
  request.set_model(model);
  request.set_display_language(display_language);
  auto response =
      Run(&v1::TranslationService::Stub::ListLanguages, request, call);
  if (!response.ok()) return response.status();
  return ToVector(response->mutable_languages());
}

absl::StatusOr<std::vector<v1::LanguageDetection>>
TranslationClient::DetectLanguages(const std::vector<std::string>& texts,
                                   const DetectionOptions& options,
                                   const CallOptions& call) const {
  if (absl::Status status = CheckTexts(texts); !status.ok()) return status;
  v1::DetectLanguageRequest request;
  request.mutable_texts()->Assign(texts.begin(), texts.end());
  request.set_by_sentence(options.by_sentence);
  request.set_any_language(options.any_language);
  auto response =
      Run(&v1::TranslationService::Stub::DetectLanguage, request, call);
  if (!response.ok()) return response.status();
  return ToVector(response->mutable_detections());
}

}  // namespace peregrine::client
