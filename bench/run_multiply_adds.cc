#include "bench/multiply_adds.h"

#include <initializer_list>
#include <memory>

#include "engine/model/weights.h"

namespace peregrine {
namespace {

using Weight = std::unique_ptr<kernels::LinearWeight>;

// Of one row with weights that may be null.
double OfRow(std::initializer_list<const Weight*> weights) {
  double count = 0;
  for (const Weight* weight : weights) {
    if (*weight == nullptr) continue;
    count += static_cast<double>((*weight)->in_dim()) * (*weight)->out_dim();
  }
  return count;
}

double OfSourceToken(const model::Weights& weights) {
  double count = 0;
  for (const model::EncoderLayerWeights& layer : weights.encoder_layers) {
    count += OfRow({&layer.self_attention.query_key_value,
                    &layer.self_attention.output, &layer.ffn.inner,
                    &layer.ffn.outer});
  }
  for (const model::DecoderLayerWeights& layer : weights.decoder_layers) {
    count += OfRow({&layer.cross_attention.key_value,
                    &layer.compressed_attention.source_key_value});
  }
  return count;
}

double OfHypothesis(const model::Weights& weights) {
  double count = 0;
  for (const model::DecoderLayerWeights& layer : weights.decoder_layers) {
    count += OfRow(
        {&layer.self_attention.query_key_value, &layer.self_attention.output,
         &layer.average_attention.inner, &layer.average_attention.outer,
         &layer.average_attention.input_gate,
         &layer.average_attention.forget_gate, &layer.ssru.input_forget,
         &layer.compressed_attention.query_key_value_inner,
         &layer.compressed_attention.output, &layer.cross_attention.query,
         &layer.cross_attention.output, &layer.ffn.inner, &layer.ffn.outer});
  }
  return count;
}

// Of one hypothesis with one position, in all layers.
struct DecoderAttention {
  double source = 0;
  double target = 0;
};

DecoderAttention OfPosition(const model::ArchitectureConfig& architecture) {
  const model::StackConfig& decoder = architecture.decoder;
  const double width = decoder.heads().width();
  double per_layer = 2 * width;
  const bool is_can = architecture.decoder_state == model::DecoderState::kCan;
  if (is_can) per_layer = width + decoder.ffn_dim;
  const bool attends_to_target =
      is_can ||
      architecture.decoder_state == model::DecoderState::kSelfAttention;
  return {per_layer * decoder.num_layers,
          attends_to_target ? per_layer * decoder.num_layers : 0.0};
}

}  // namespace

void CountMultiplyAdds(const model::Model& model, int source_length,
                       int target_length, int beam_size, MultiplyAdds& counts) {
  const model::Weights& weights = model.weights();
  const model::StackConfig& encoder = model.config().architecture.encoder;
  const DecoderAttention position = OfPosition(model.config().architecture);
  const double source = source_length;
  counts.encoder += source * OfSourceToken(weights);
  counts.attention +=
      2.0 * encoder.num_layers * encoder.heads().width() * source * source;
  for (int step = 0; step < target_length; ++step) {
    const double rows = step == 0 ? 1 : beam_size;
    counts.decoder += rows * OfHypothesis(weights);
    counts.output += rows * OfRow({&weights.output_factor, &weights.output});
    counts.attention +=
        rows * (source * position.source + (step + 1) * position.target);
  }
}

}  // namespace peregrine
