#include "server/api/model_description.h"

#include "server/service/request_checks.h"

namespace peregrine::server {

namespace {

void DescribeLimits(const ServedModel& model, const ServiceOptions& options,
                    v1::Limits& limits) {
  limits.set_max_texts_per_request(model.limits().max_texts);
  limits.set_max_text_bytes(model.limits().max_text_bytes);
  limits.set_max_beam_size(model.limits().max_beam_size);
  limits.set_max_source_tokens(model.info().max_source_tokens);
  limits.set_max_target_tokens(model.info().max_target_tokens);
  limits.set_max_message_bytes(options.max_message_bytes);
  limits.set_max_response_bytes(model.limits().max_response_bytes);
  limits.set_max_stream_texts(options.max_stream_texts);
  const ModelCapacity capacity = model.batcher().capacity();
  limits.set_max_queue_sentences(capacity.queue_sentences);
  limits.set_max_queue_source_tokens(capacity.queue_source_tokens);
  limits.set_max_batch_rows(capacity.batch_rows);
  limits.set_max_batch_source_tokens(capacity.batch_source_tokens);
  limits.set_max_open_calls(options.max_open_calls);
  limits.set_max_streams_per_client(options.max_streams_per_client);
  limits.set_max_length_penalty(kMaxLengthPenalty);
}

v1::Model DescribeInfo(const ModelInfo& info) {
  v1::Model proto;
  proto.set_name(info.name);
  proto.set_revision(info.revision);
  proto.set_source_language(info.source_language);
  proto.set_target_language(info.target_language);
  for (const model::Language& language : info.languages) {
    proto.add_languages(language.code);
  }
  proto.set_architecture(info.architecture);
  proto.set_parameters(info.parameters);
  proto.set_source_vocab_size(info.source_vocab_size);
  proto.set_target_vocab_size(info.target_vocab_size);
  return proto;
}

}  // namespace

v1::Model DescribeUnloaded(const CatalogModel& model) {
  return DescribeInfo(model.info);
}

v1::Model DescribeModel(const ServedModel& model,
                        const ServiceOptions& options_of_service) {
  const ModelInfo& info = model.info();
  v1::Model proto = DescribeInfo(info);

  // The maximum length is left out: it grows with the source.
  const decode::DecodingOptions defaults = model.backend().DefaultOptions(1);
  v1::DecodingOptions& options = *proto.mutable_default_options();
  options.set_beam_size(defaults.beam_size);
  options.set_length_penalty(defaults.length_penalty);
  options.set_num_hypotheses(defaults.num_hypotheses);
  options.set_min_length(defaults.min_length);
  options.set_use_shortlist(defaults.use_shortlist);

  DescribeLimits(model, options_of_service, *proto.mutable_limits());

  v1::DeviceInfo& device = *proto.add_devices();
  device.set_device(info.device);
  device.set_precision(info.precision);
  device.set_workers(model.batcher().num_workers());
  device.set_weights_bytes(info.weights_bytes);
  device.set_products(info.products);
  return proto;
}

}  // namespace peregrine::server
