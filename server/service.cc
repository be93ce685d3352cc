#include "server/service.h"

#include "engine/base/status_macros.h"
#include "server/jobs.h"
#include "server/status_mapping.h"
#include "server/stream_call.h"
#include "server/unary_call.h"
#include "server/wire.h"

namespace peregrine::server {
namespace {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using TranslateCall =
    UnaryCall<v1::TranslateRequest, v1::TranslateResponse, TextJob>;
using TranslateTokensCall = UnaryCall<v1::TranslateTokensRequest,
                                      v1::TranslateTokensResponse, TokenJob>;

// Answers a call that needs no worker.
template <typename Request, typename Handler>
grpc::ServerUnaryReactor* AnswerAtOnce(CallbackServerContext* context,
                                       const ByteBuffer& bytes,
                                       ByteBuffer* response, Handler handler) {
  Request request;
  absl::Status status = ParseMessage(bytes, request);
  if (status.ok()) {
    auto answer = handler(request);
    status = answer.status();
    if (status.ok()) *response = SerializeMessage(*answer);
  }
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToCallStatus(status, *context));
  return reactor;
}

}  // namespace

TranslationServiceImpl::TranslationServiceImpl(const ModelSet& models,
                                               const ServiceOptions& options,
                                               Metrics& metrics)
    : models_(models),
      options_(options),
      environment_{models_, options_, metrics.requests_without_model(),
                   open_calls_} {}

grpc::ServerUnaryReactor* TranslationServiceImpl::Translate(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  auto* call =
      new TranslateCall(*context, environment_, *response);  // deletes itself
  call->Start(*request);
  return call;
}

grpc::ServerUnaryReactor* TranslationServiceImpl::TranslateTokens(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  auto* call = new TranslateTokensCall(*context, environment_,
                                       *response);  // deletes itself
  call->Start(*request);
  return call;
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
      context, *request, response,
      [this](const v1::ListModelsRequest&)
          -> absl::StatusOr<v1::ListModelsResponse> {
        v1::ListModelsResponse list;
        for (const auto& model : models_.all()) {
          *list.add_models() = Describe(*model);
        }
        return list;
      });
}

grpc::ServerUnaryReactor* TranslationServiceImpl::GetModel(
    CallbackServerContext* context, const ByteBuffer* request,
    ByteBuffer* response) {
  return AnswerAtOnce<v1::GetModelRequest>(
      context, *request, response,
      [this](const v1::GetModelRequest& get) -> absl::StatusOr<v1::Model> {
        PEREGRINE_ASSIGN_OR_RETURN(const ServedModel* model,
                                   models_.Find(get.name(), "name"));
        return Describe(*model);
      });
}

v1::Model TranslationServiceImpl::Describe(const ServedModel& model) const {
  const ModelInfo& info = model.info();
  v1::Model proto;
  proto.set_name(info.name);
  proto.set_source_language(info.source_language);
  proto.set_target_language(info.target_language);
  proto.set_architecture(info.architecture);
  proto.set_parameters(info.parameters);
  proto.set_source_vocab_size(info.source_vocab_size);
  proto.set_target_vocab_size(info.target_vocab_size);

  // The maximum length is left out: it grows with the source.
  const decode::DecodingOptions defaults = model.backend->DefaultOptions(1);
  v1::DecodingOptions& options = *proto.mutable_default_options();
  options.set_beam_size(defaults.beam_size);
  options.set_length_penalty(defaults.length_penalty);
  options.set_num_hypotheses(defaults.num_hypotheses);
  options.set_min_length(defaults.min_length);

  v1::Limits& limits = *proto.mutable_limits();
  limits.set_max_texts_per_request(options_.limits.max_texts);
  limits.set_max_text_bytes(options_.limits.max_text_bytes);
  limits.set_max_beam_size(options_.limits.max_beam_size);
  limits.set_max_source_tokens(info.max_source_tokens);
  limits.set_max_target_tokens(info.max_target_tokens);

  v1::DeviceInfo& device = *proto.add_devices();
  device.set_device(info.device);
  device.set_precision(info.precision);
  device.set_workers(model.batcher->num_workers());
  device.set_weights_bytes(info.weights_bytes);
  return proto;
}

}  // namespace peregrine::server
