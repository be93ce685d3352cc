#include "server/api/model_description.h"

namespace peregrine::server {

v1::Model DescribeModel(const ServedModel& model) {
  const ModelInfo& info = model.info();
  v1::Model proto;
  proto.set_name(info.name);
  proto.set_source_language(info.source_language);
  proto.set_target_language(info.target_language);
  for (const model::Language& language : info.languages) {
    proto.add_languages(language.code);
  }
  proto.set_architecture(info.architecture);
  proto.set_parameters(info.parameters);
  proto.set_source_vocab_size(info.source_vocab_size);
  proto.set_target_vocab_size(info.target_vocab_size);

  // The maximum length is left out: it grows with the source.
  const decode::DecodingOptions defaults = model.backend().DefaultOptions(1);
  v1::DecodingOptions& options = *proto.mutable_default_options();
  options.set_beam_size(defaults.beam_size);
  options.set_length_penalty(defaults.length_penalty);
  options.set_num_hypotheses(defaults.num_hypotheses);
  options.set_min_length(defaults.min_length);
  options.set_use_shortlist(defaults.use_shortlist);

  v1::Limits& limits = *proto.mutable_limits();
  limits.set_max_texts_per_request(model.limits().max_texts);
  limits.set_max_text_bytes(model.limits().max_text_bytes);
  limits.set_max_beam_size(model.limits().max_beam_size);
  limits.set_max_source_tokens(info.max_source_tokens);
  limits.set_max_target_tokens(info.max_target_tokens);

  v1::DeviceInfo& device = *proto.add_devices();
  device.set_device(info.device);
  device.set_precision(info.precision);
  device.set_workers(model.batcher().num_workers());
  device.set_weights_bytes(info.weights_bytes);
  return proto;
}

}  // namespace peregrine::server
