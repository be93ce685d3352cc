#include "client/translation_client.h"

#include <algorithm>
#include <climits>
#include <cstdint>
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
          {"service": "peregrine.v1.TranslationService", "method": "ScoreTexts"},
          {"service": "peregrine.v1.TranslationService", "method": "ListModels"},
          {"service": "peregrine.v1.TranslationService", "method": "GetModel"}
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

absl::StatusOr<v1::TranslateResponse> TranslationClient::Translate(
    const std::vector<std::string>& texts,
    const TranslationSettings& settings) const {
  v1::TranslateRequest request;
  request.set_model(settings.model);
  *request.mutable_options() = settings.decoding;
  request.set_single_sentence(settings.single_sentence);
  if (settings.text.ByteSizeLong() > 0) {
    *request.mutable_text_options() = settings.text;
  }
  request.set_source_language(settings.source_language);
  request.set_target_language(settings.target_language);
  request.set_priority(settings.priority);
  request.set_no_cache(settings.no_cache);
  for (const std::string& text : texts) {
    if (const auto offset = text::FindInvalidUtf8(text)) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "texts[%d]: not UTF-8 at byte %d", request.texts_size(), *offset));
    }
    request.add_texts()->set_text(text);
  }
  grpc::ClientContext context;
  SetDeadline(options_.deadline, &context);
  v1::TranslateResponse response;
  const grpc::Status status = stub_->Translate(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

absl::StatusOr<v1::ScoreTextsResponse> TranslationClient::Score(
    const v1::ScoreTextsRequest& request) const {
  for (int i = 0; i < request.pairs_size(); ++i) {
    const v1::TextPair& pair = request.pairs(i);
    for (const v1::Phrase* side : {&pair.source(), &pair.target()}) {
      const auto offset = text::FindInvalidUtf8(side->text());
      if (!offset.has_value()) continue;
      return absl::InvalidArgumentError(absl::StrFormat(
          "pairs[%d].%s: not UTF-8 at byte %d", i,
          side == &pair.source() ? "source" : "target", *offset));
    }
  }
  grpc::ClientContext context;
  SetDeadline(options_.deadline, &context);
  v1::ScoreTextsResponse response;
  const grpc::Status status = stub_->ScoreTexts(&context, request, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return response;
}

std::unique_ptr<BulkTranslation> TranslationClient::TranslateBulk(
    const TranslationSettings& settings, const BulkOptions& options) const {
  return std::make_unique<BulkTranslation>(stub_.get(), settings, options);
}

absl::StatusOr<std::vector<v1::Model>> TranslationClient::ListModels() const {
  grpc::ClientContext context;
  SetDeadline(options_.deadline, &context);
  v1::ListModelsResponse response;
  const grpc::Status status = stub_->ListModels(&context, {}, &response);
  if (!status.ok()) return FromGrpcStatus(status);
  return std::vector<v1::Model>(
      std::make_move_iterator(response.mutable_models()->begin()),
      std::make_move_iterator(response.mutable_models()->end()));
}

absl::StatusOr<v1::Model> TranslationClient::GetModel(
    const std::string& name) const {
  grpc::ClientContext context;
  SetDeadline(options_.deadline, &context);
  v1::GetModelRequest request;
  request.set_name(name);
  v1::Model model;
  const grpc::Status status = stub_->GetModel(&context, request, &model);
  if (!status.ok()) return FromGrpcStatus(status);
  return model;
}

}  // namespace peregrine::client
