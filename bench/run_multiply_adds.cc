#include "bench/run_multiply_adds.h"

#include "engine/model/multiply_adds.h"

namespace peregrine {
namespace {

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

void AddSentence(const model::ArchitectureConfig& architecture,
                 int source_length, int target_length, int beam_size,
                 RunMultiplyAdds& counts) {
  const model::MultiplyAdds products = model::CountMultiplyAdds(architecture);
  const double output = model::OutputMultiplyAdds(architecture);
  const double step_of_decoder = products.target_token - output;
  const model::StackConfig& encoder = architecture.encoder;
  const DecoderAttention position = OfPosition(architecture);
  const double source = source_length;
  counts.encoder += source * products.source_token;
  counts.attention +=
      2.0 * encoder.num_layers * encoder.heads().width() * source * source;
  for (int step = 0; step < target_length; ++step) {
    const double rows = step == 0 ? 1 : beam_size;
    counts.decoder += rows * step_of_decoder;
    counts.output += rows * output;
    counts.attention +=
        rows * (source * position.source + (step + 1) * position.target);
  }
}

}  // namespace peregrine
