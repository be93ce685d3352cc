#include "engine/model/decoder.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {
namespace {

using kernels::Activation;
using kernels::Matrix;

// In bfloat16 unless the model is in float32.
absl::Status AllocateCache(int num_layers, size_t num_cells, int width,
                           kernels::Precision precision, DeviceMemory& memory,
                           std::vector<kernels::KvCells>& cache) {
  cache.resize(num_layers);
  for (kernels::KvCells& layer : cache) {
    if (precision != kernels::Precision::kFloat32) {
      layer.keys = layer.values = {nullptr, static_cast<int>(num_cells), width};
      const size_t count = num_cells * width;
      PEREGRINE_RETURN_IF_ERROR(
          memory.NewBFloat16(count, &layer.bfloat16_keys));
      PEREGRINE_RETURN_IF_ERROR(
          memory.NewBFloat16(count, &layer.bfloat16_values));
      continue;
    }
    PEREGRINE_RETURN_IF_ERROR(memory.NewMatrix(num_cells, width, &layer.keys));
    PEREGRINE_RETURN_IF_ERROR(
        memory.NewMatrix(num_cells, width, &layer.values));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Decoder>> Decoder::Create(
    const Model& model, kernels::Kernels& kernels,
    const DecoderLimits& limits) {
  auto decoder = absl::WrapUnique(new Decoder(model, kernels, limits));
  PEREGRINE_RETURN_IF_ERROR(decoder->Allocate());
  return decoder;
}

Decoder::Decoder(const Model& model, kernels::Kernels& kernels,
                 const DecoderLimits& limits)
    : model_(model),
      kernels_(kernels),
      sublayers_(kernels, model.config().architecture),
      limits_(limits),
      memory_(kernels) {}

absl::Status Decoder::Allocate() {
  const ArchitectureConfig& architecture = model_.config().architecture;
  const StackConfig& stack = architecture.decoder;
  const int width = stack.heads().width();
  const int rows = limits_.max_rows;
  const kernels::Precision precision = model_.weights().precision;
  PEREGRINE_RETURN_IF_ERROR(AllocateCache(stack.num_layers,
                                          limits_.target_cells, width,
                                          precision, memory_, target_cache_));
  PEREGRINE_RETURN_IF_ERROR(AllocateCache(stack.num_layers,
                                          limits_.source_cells, width,
                                          precision, memory_, source_cache_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, stack.model_dim, &x_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, stack.model_dim, &normed_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, 3 * width, &qkv_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, width, &context_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, stack.ffn_dim, &inner_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(rows, architecture.output_rank, &factor_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(kStoreTokens, 2 * width, &source_kv_));
  return absl::OkStatus();
}

void Decoder::StoreSource(Matrix encoded, const int32_t* cells) {
  for (int begin = 0; begin < encoded.rows; begin += kStoreTokens) {
    const int count = std::min(kStoreTokens, encoded.rows - begin);
    const Matrix kv = source_kv_.Rows(0, count);
    for (size_t layer = 0; layer < source_cache_.size(); ++layer) {
      const CrossAttentionWeights& attention =
          model_.weights().decoder_layers[layer].cross_attention;
      kernels_.Linear(*attention.key_value, encoded.Rows(begin, count),
                      Activation::kNone, kv);
      kernels_.StoreKeysValues(cells + begin, kv, source_cache_[layer]);
    }
  }
}

Matrix Decoder::Step(const DecoderInput& input) {
  const int rows = input.target.num_rows;
  PEREGRINE_CHECK(rows <= limits_.max_rows)
      << rows << " of " << limits_.max_rows;
  const Weights& weights = model_.weights();
  const Matrix x = x_.Rows(0, rows);
  kernels_.Embed(weights.target_embedding, input.tokens, input.positions, x);
  for (size_t n = 0; n < weights.decoder_layers.size(); ++n) {
    const int layer = static_cast<int>(n);
    UpdateState(layer, input.target, x);
    AttendToSource(layer, input.source, x);
    sublayers_.FeedForward(weights.decoder_layers[n].ffn, x,
                           normed_.Rows(0, rows), inner_.Rows(0, rows));
  }
  sublayers_.EndStack(weights.decoder_norm, x);
  if (weights.output_factor == nullptr) return x;
  const Matrix factor = factor_.Rows(0, rows);
  kernels_.Linear(*weights.output_factor, x, Activation::kNone, factor);
  return factor;
}

// How a layer takes in the target prefix. Another DecoderState is another
// branch here, with its cache beside target_cache_ and its weights beside
// SelfAttentionWeights.
void Decoder::UpdateState(int layer, const kernels::StepRows& rows, Matrix x) {
  const SelfAttentionWeights& attention =
      model_.weights().decoder_layers[layer].self_attention;
  const Matrix qkv = qkv_.Rows(0, x.rows);
  const Matrix context = context_.Rows(0, x.rows);
  kernels_.Linear(*attention.query_key_value,
                  sublayers_.Input(attention.norm, x, normed_.Rows(0, x.rows)),
                  Activation::kNone, qkv);
  kernels_.SelfAttentionStep(model_.config().architecture.decoder.heads(), rows,
                             qkv, target_cache_[layer], context);
  kernels_.LinearAdd(*attention.output, context, x);
  sublayers_.End(attention.norm, x);
}

void Decoder::AttendToSource(int layer, const kernels::SourceSpans& spans,
                             Matrix x) {
  const kernels::HeadShape heads = model_.config().architecture.decoder.heads();
  const CrossAttentionWeights& attention =
      model_.weights().decoder_layers[layer].cross_attention;
  // The queries take the place of the first third of qkv_'s memory.
  const Matrix query{qkv_.data, x.rows, heads.width()};
  const Matrix context = context_.Rows(0, x.rows);
  kernels_.Linear(*attention.query,
                  sublayers_.Input(attention.norm, x, normed_.Rows(0, x.rows)),
                  Activation::kNone, query);
  kernels_.CrossAttentionStep(heads, spans, query, source_cache_[layer],
                              context);
  kernels_.LinearAdd(*attention.output, context, x);
  sublayers_.End(attention.norm, x);
}

}  // namespace peregrine::model
