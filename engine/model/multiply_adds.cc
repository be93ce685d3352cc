#include "engine/model/multiply_adds.h"

namespace peregrine::model {
namespace {

// query, key, value and output.
std::int64_t SelfAttention(const StackConfig& stack) {
  return std::int64_t{4} * stack.model_dim * stack.heads().width();
}

std::int64_t FeedForward(const ArchitectureConfig& architecture,
                         const StackConfig& stack) {
  const std::int64_t matrices = architecture.gated_ffn ? 3 : 2;
  return matrices * stack.model_dim * stack.ffn_dim;
}

// What carries the prefix, see docs/model-format.md.
std::int64_t State(const ArchitectureConfig& architecture) {
  const StackConfig& decoder = architecture.decoder;
  const std::int64_t dim = decoder.model_dim;
  const std::int64_t width = decoder.heads().width();
  switch (architecture.decoder_state) {
    case DecoderState::kSelfAttention:
      return SelfAttention(decoder);
    case DecoderState::kAan:
      return 2 * dim * architecture.aan_ffn_dim + 2 * dim * dim;
    case DecoderState::kSsru:
      return 2 * dim * dim;
    case DecoderState::kCan:
      // query, key, value, inner and output.
      return dim * (2 * width + 2 * decoder.ffn_dim) + decoder.ffn_dim * dim;
  }
  return 0;
}

}  // namespace

std::int64_t OutputMultiplyAdds(const ArchitectureConfig& architecture) {
  const std::int64_t dim = architecture.decoder.model_dim;
  const std::int64_t vocab_size = architecture.target_vocab_size;
  if (architecture.output != OutputProjection::kFactorized) {
    return dim * vocab_size;
  }
  return architecture.output_rank * (dim + vocab_size);
}

MultiplyAdds CountMultiplyAdds(const ArchitectureConfig& architecture) {
  const StackConfig& encoder = architecture.encoder;
  const StackConfig& decoder = architecture.decoder;
  const bool can = architecture.decoder_state == DecoderState::kCan;
  const std::int64_t width = decoder.heads().width();
  // Keys and values of the source, in every decoder layer.
  const std::int64_t kept = can ? width + decoder.ffn_dim : 2 * width;
  std::int64_t layer = State(architecture);
  // query and output of cross-attention, which CAN has not.
  if (!can) {
    layer += 2 * width * decoder.model_dim + FeedForward(architecture, decoder);
  }
  MultiplyAdds count;
  count.source_token =
      encoder.num_layers *
          (SelfAttention(encoder) + FeedForward(architecture, encoder)) +
      decoder.num_layers * kept * encoder.model_dim;
  count.target_token =
      decoder.num_layers * layer + OutputMultiplyAdds(architecture);
  return count;
}

}  // namespace peregrine::model
