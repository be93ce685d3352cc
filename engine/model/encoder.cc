#include "engine/model/encoder.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {

using kernels::Matrix;

absl::StatusOr<std::unique_ptr<Encoder>> Encoder::Create(
    const Model& model, kernels::Kernels& kernels, int max_tokens) {
  auto encoder = absl::WrapUnique(new Encoder(
      model, kernels, std::max(max_tokens, model.max_source_length())));
  PEREGRINE_RETURN_IF_ERROR(encoder->Allocate());
  return encoder;
}

Encoder::Encoder(const Model& model, kernels::Kernels& kernels, int max_tokens)
    : model_(model),
      kernels_(kernels),
      sublayers_(kernels, model.config().architecture),
      max_tokens_(max_tokens),
      chunk_tokens_(std::min(kernels.encoder_chunk_tokens(), max_tokens)),
      max_chunk_tokens_(std::max(chunk_tokens_, model.max_source_length())),
      memory_(kernels) {}

absl::Status Encoder::Allocate() {
  const StackConfig& stack = model_.config().architecture.encoder;
  const int width = stack.heads().width();
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(max_tokens_, stack.model_dim, &x_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(max_chunk_tokens_, stack.model_dim, &normed_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(max_chunk_tokens_, 3 * width, &qkv_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(max_chunk_tokens_, width, &context_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(
      max_chunk_tokens_,
      Sublayers::InnerWidth(model_.config().architecture, stack), &inner_));
  PEREGRINE_RETURN_IF_ERROR(tokens_.Reserve(max_tokens_, memory_));
  PEREGRINE_RETURN_IF_ERROR(positions_.Reserve(max_tokens_, memory_));
  // One offset a sequence and one more a chunk: no more than two a token.
  PEREGRINE_RETURN_IF_ERROR(offsets_.Reserve(2 * max_tokens_, memory_));
  chunks_.reserve(max_tokens_);
  return absl::OkStatus();
}

Matrix Encoder::Encode(absl::Span<const int32_t> tokens,
                       absl::Span<const int> lengths) {
  LayOut(lengths);
  const int num_tokens = static_cast<int>(positions_.host.size());
  PEREGRINE_CHECK(num_tokens == static_cast<int>(tokens.size()));
  tokens_.host.assign(tokens.begin(), tokens.end());
  const int32_t* offsets = offsets_.Upload(kernels_);

  const Weights& weights = model_.weights();
  const Matrix x = x_.Rows(0, num_tokens);
  kernels_.Embed(weights.source_embedding, tokens_.Upload(kernels_),
                 positions_.Upload(kernels_), x);
  sublayers_.NormIfAny(weights.encoder_embedding_norm, x);
  // Layers outside: a layer's weights are read once for all chunks.
  for (const EncoderLayerWeights& layer : weights.encoder_layers) {
    for (const Chunk& chunk : chunks_) {
      RunLayer(layer, chunk, offsets,
               x.Rows(chunk.first_token, chunk.num_tokens));
    }
  }
  sublayers_.NormIfAny(weights.encoder_norm, x);
  return x;
}

// Positions of all tokens, and the chunks with their offsets.
void Encoder::LayOut(absl::Span<const int> lengths) {
  const int first_position = model_.config().architecture.position_offset;
  positions_.host.clear();
  offsets_.host.clear();
  chunks_.clear();
  for (int length : lengths) {
    const int begin = static_cast<int>(positions_.host.size());
    PEREGRINE_CHECK(length > 0 && begin + length <= max_tokens_)
        << "length " << length << " after " << begin << " tokens";
    if (chunks_.empty() || chunks_.back().num_tokens + length > chunk_tokens_) {
      Chunk& chunk = chunks_.emplace_back();
      chunk.first_token = begin;
      chunk.first_offset = static_cast<int>(offsets_.host.size());
      offsets_.host.push_back(0);
    }
    Chunk& chunk = chunks_.back();
    chunk.num_tokens += length;
    chunk.num_sequences += 1;
    chunk.max_length = std::max(chunk.max_length, length);
    offsets_.host.push_back(chunk.num_tokens);
    for (int i = 0; i < length; ++i)
      positions_.host.push_back(first_position + i);
  }
}

void Encoder::RunLayer(const EncoderLayerWeights& layer, const Chunk& chunk,
                       const int32_t* offsets, Matrix x) {
  const Matrix normed = normed_.Rows(0, x.rows);
  const Matrix qkv = qkv_.Rows(0, x.rows);
  const Matrix context = context_.Rows(0, x.rows);

  const SelfAttentionWeights& attention = layer.self_attention;
  sublayers_.LinearOfInput(attention.norm, *attention.query_key_value, x,
                           normed, kernels::Activation::kNone, qkv);
  kernels_.EncoderAttention(
      model_.weights().EncoderHeads(model_.config().architecture.encoder),
      {chunk.num_sequences, chunk.max_length, offsets + chunk.first_offset},
      qkv, context);
  kernels_.LinearAdd(*attention.output, context, x);
  sublayers_.End(attention.norm, x);

  sublayers_.FeedForward(layer.ffn, x, normed, inner_.Rows(0, x.rows));
}

}  // namespace peregrine::model
