#include "engine/model/decoder.h"

#include <algorithm>

#include "absl/memory/memory.h"
#include "engine/base/check.h"
#include "engine/base/float16.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {
namespace {

using kernels::Activation;
using kernels::Matrix;

// What one cell of a layer's caches holds.
struct CacheWidths {
  int key = 0;
  int value = 0;
};

// Whether the target's cells hold keys and values, or else a state vector.
bool AttendsToTarget(DecoderState state) {
  return state == DecoderState::kSelfAttention || state == DecoderState::kCan;
}

CacheWidths WidthsOf(const ArchitectureConfig& architecture) {
  const StackConfig& stack = architecture.decoder;
  const int width = stack.heads().width();
  if (architecture.decoder_state == DecoderState::kCan)
    return {width, stack.ffn_dim};
  return {width, width};
}

// Of the first matrix of a state.
int ProjectedWidth(const ArchitectureConfig& architecture) {
  const StackConfig& stack = architecture.decoder;
  const int width = stack.heads().width();
  switch (architecture.decoder_state) {
    case DecoderState::kSelfAttention:
      return 3 * width;
    case DecoderState::kAan:
      return 0;
    case DecoderState::kSsru:
      return 2 * stack.model_dim;
    case DecoderState::kCan:
      return 2 * width + 2 * stack.ffn_dim;
  }
  return 0;
}

// In bfloat16 unless the model is in float32. A cell's keys and values of all
// layers lie together: a host commits memory by huge pages, and of an array for
// each layer the last one would stay half empty.
absl::Status AllocateCache(int num_layers, size_t num_cells, CacheWidths widths,
                           kernels::Precision precision, DeviceMemory& memory,
                           std::vector<kernels::KvCells>& cache) {
  const int layer_width = widths.key + widths.value;
  const int cell_width = num_layers * layer_width;
  Matrix floats;
  uint16_t* bfloat16s = nullptr;
  if (precision == kernels::Precision::kFloat32) {
    PEREGRINE_RETURN_IF_ERROR(memory.NewMatrix(num_cells, cell_width, &floats));
  } else {
    PEREGRINE_RETURN_IF_ERROR(
        memory.NewBFloat16(num_cells * cell_width, &bfloat16s));
  }
  const auto at = [](auto* data, int offset) {
    return data == nullptr ? nullptr : data + offset;
  };
  const int rows = static_cast<int>(num_cells);
  const size_t stride = cell_width;
  int begin = 0;
  for (int n = 0; n < num_layers; ++n, begin += layer_width) {
    const int value = begin + widths.key;
    cache.push_back({{at(floats.data, begin), rows, widths.key, stride},
                     {at(floats.data, value), rows, widths.value, stride},
                     at(bfloat16s, begin),
                     at(bfloat16s, value)});
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
  const CacheWidths widths = WidthsOf(architecture);
  const int rows = limits_.max_rows;
  PEREGRINE_RETURN_IF_ERROR(
      AllocateCache(stack.num_layers, limits_.source_cells, widths,
                    model_.weights().precision, memory_, source_cache_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, stack.model_dim, &x_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, stack.model_dim, &normed_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, widths.value, &context_));
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(rows, architecture.output_rank, &factor_));
  PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(
      kernels_.encoder_chunk_tokens(), widths.key + widths.value, &source_kv_));
  if (architecture.decoder_state != DecoderState::kCan) {
    PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, widths.key, &query_));
    PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(
        rows, Sublayers::InnerWidth(architecture, stack), &inner_));
  }
  return AllocateState();
}

absl::Status Decoder::AllocateState() {
  const ArchitectureConfig& architecture = model_.config().architecture;
  const StackConfig& stack = architecture.decoder;
  const int rows = limits_.max_rows;
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(rows, ProjectedWidth(architecture), &projected_));
  if (AttendsToTarget(architecture.decoder_state)) {
    return AllocateCache(stack.num_layers, limits_.target_cells,
                         WidthsOf(architecture), model_.weights().precision,
                         memory_, target_cache_);
  }
  // In float32 whatever the precision: each state is made of the one before, so
  // that what rounding takes from one is missing from all that follow.
  states_.resize(stack.num_layers);
  for (Matrix& states : states_) {
    PEREGRINE_RETURN_IF_ERROR(
        memory_.NewMatrix(limits_.target_cells, stack.model_dim, &states));
  }
  if (architecture.decoder_state != DecoderState::kAan) return absl::OkStatus();
  PEREGRINE_RETURN_IF_ERROR(
      memory_.NewMatrix(rows, architecture.aan_ffn_dim, &mean_inner_));
  for (Matrix* matrix : {&mean_, &mean_outer_, &input_gate_, &forget_gate_}) {
    PEREGRINE_RETURN_IF_ERROR(memory_.NewMatrix(rows, stack.model_dim, matrix));
  }
  return absl::OkStatus();
}

const kernels::LinearWeight& Decoder::SourceKeyValue(int layer) const {
  const DecoderLayerWeights& weights = model_.weights().decoder_layers[layer];
  return model_.config().architecture.decoder_state == DecoderState::kCan
             ? *weights.compressed_attention.source_key_value
             : *weights.cross_attention.key_value;
}

void Decoder::StoreSource(Matrix encoded, const int32_t* cells) {
  for (int begin = 0; begin < encoded.rows; begin += source_kv_.rows) {
    const int count = std::min(source_kv_.rows, encoded.rows - begin);
    const Matrix kv = source_kv_.Rows(0, count);
    for (size_t layer = 0; layer < source_cache_.size(); ++layer) {
      kernels_.Linear(SourceKeyValue(static_cast<int>(layer)),
                      encoded.Rows(begin, count), Activation::kNone, kv);
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
  {
    const StageTimer timer(profile_, Stage::kEmbed, kernels_);
    kernels_.Embed(weights.target_embedding, input.tokens, input.positions, x);
    sublayers_.NormIfAny(weights.decoder_embedding_norm, x);
  }
  for (size_t n = 0; n < weights.decoder_layers.size(); ++n) {
    RunLayer(static_cast<int>(n), input, x);
  }
  EndStack(x);
  return Output(rows);
}

void Decoder::EndStack(Matrix x) {
  const StageTimer timer(profile_, Stage::kOutput, kernels_);
  const Weights& weights = model_.weights();
  sublayers_.NormIfAny(weights.decoder_norm, x);
  if (weights.output_factor != nullptr) {
    kernels_.Linear(*weights.output_factor, x, Activation::kNone,
                    factor_.Rows(0, x.rows));
  }
}

Matrix Decoder::Output(int rows) const {
  const bool factorized = model_.weights().output_factor != nullptr;
  return (factorized ? factor_ : x_).Rows(0, rows);
}

void Decoder::RunLayer(int layer, const DecoderInput& input, Matrix x) {
  if (model_.config().architecture.decoder_state == DecoderState::kCan) {
    CompressedAttention(layer, input, x);
    return;
  }
  UpdateState(layer, input.target, x);
  AttendToSource(layer, input.source, x);
  const StageTimer timer(profile_, Stage::kFeedForward, kernels_);
  sublayers_.FeedForward(model_.weights().decoder_layers[layer].ffn, x,
                         normed_.Rows(0, x.rows), inner_.Rows(0, x.rows));
}

// How a layer takes in the target prefix. Another DecoderState is another
// branch here, with its cells beside target_cache_ and its weights beside
// SelfAttentionWeights.
void Decoder::UpdateState(int layer, const kernels::StepRows& rows, Matrix x) {
  const StageTimer timer(profile_, Stage::kSelfAttention, kernels_);
  switch (model_.config().architecture.decoder_state) {
    case DecoderState::kSelfAttention:
      return SelfAttention(layer, rows, x);
    case DecoderState::kAan:
      return AverageAttention(layer, rows, x);
    case DecoderState::kSsru:
      return Ssru(layer, rows, x);
    case DecoderState::kCan:
      break;
  }
  PEREGRINE_CHECK(false) << "a layer of CAN has no state apart";
}

void Decoder::SelfAttention(int layer, const kernels::StepRows& rows,
                            Matrix x) {
  const SelfAttentionWeights& attention =
      model_.weights().decoder_layers[layer].self_attention;
  const Matrix qkv = projected_.Rows(0, x.rows);
  const Matrix context = context_.Rows(0, x.rows);
  sublayers_.LinearOfInput(attention.norm, *attention.query_key_value, x,
                           normed_.Rows(0, x.rows), Activation::kNone, qkv);
  kernels_.SelfAttentionStep(
      model_.weights().DecoderHeads(model_.config().architecture.decoder), rows,
      qkv, target_cache_[layer], context);
  kernels_.LinearAdd(*attention.output, context, x);
  sublayers_.End(attention.norm, x);
}

void Decoder::AverageAttention(int layer, const kernels::StepRows& rows,
                               Matrix x) {
  const AverageAttentionWeights& attention =
      model_.weights().decoder_layers[layer].average_attention;
  const Matrix input =
      sublayers_.Input(attention.norm, x, normed_.Rows(0, x.rows));
  const Matrix input_gate = input_gate_.Rows(0, x.rows);
  const Matrix forget_gate = forget_gate_.Rows(0, x.rows);
  Matrix mean = mean_.Rows(0, x.rows);
  kernels_.AverageStep(rows, input, states_[layer], mean);
  if (attention.inner != nullptr) {
    const Matrix inner = mean_inner_.Rows(0, x.rows);
    kernels_.Linear(*attention.inner, mean,
                    model_.config().architecture.activation, inner);
    mean = mean_outer_.Rows(0, x.rows);
    kernels_.Linear(*attention.outer, inner, Activation::kNone, mean);
  }
  kernels_.Linear(*attention.input_gate, input, Activation::kNone, input_gate);
  kernels_.Linear(*attention.forget_gate, mean, Activation::kNone, forget_gate);
  kernels_.AddGated({input_gate, input}, {forget_gate, mean}, x);
  sublayers_.End(attention.norm, x);
}

void Decoder::Ssru(int layer, const kernels::StepRows& rows, Matrix x) {
  const SsruWeights& ssru = model_.weights().decoder_layers[layer].ssru;
  const Matrix input_forget = projected_.Rows(0, x.rows);
  sublayers_.LinearOfInput(ssru.norm, *ssru.input_forget, x,
                           normed_.Rows(0, x.rows), Activation::kNone,
                           input_forget);
  kernels_.SsruStep(rows, input_forget, states_[layer], x);
  sublayers_.End(ssru.norm, x);
}

// The whole layer: attention to source and target prefix at once, and the
// feed-forward network around it.
void Decoder::CompressedAttention(int layer, const DecoderInput& input,
                                  Matrix x) {
  const StageTimer timer(profile_, Stage::kSelfAttention, kernels_);
  const CompressedAttentionWeights& attention =
      model_.weights().decoder_layers[layer].compressed_attention;
  const Matrix projected = projected_.Rows(0, x.rows);
  const Matrix context = context_.Rows(0, x.rows);
  sublayers_.LinearOfInput(attention.norm, *attention.query_key_value_inner, x,
                           normed_.Rows(0, x.rows), Activation::kNone,
                           projected);
  TapQueries(layer, projected);
  kernels_.CompressedAttentionStep(
      model_.config().architecture.decoder.heads(),
      {input.source, source_cache_[layer], input.target, target_cache_[layer]},
      projected, context);
  kernels_.LinearAdd(*attention.output, context, x);
  sublayers_.End(attention.norm, x);
}

// The first columns of `queries`, which may be wider.
void Decoder::TapQueries(int layer, Matrix queries) {
  if (tapped_queries_ == nullptr || layer != tapped_layer_) return;
  const size_t width = model_.config().architecture.decoder.heads().width();
  tapped_queries_->resize(queries.rows * width);
  float* to = tapped_queries_->data();
  if (static_cast<size_t>(queries.cols) == width) {
    kernels_.CopyToHost(queries.data, queries.rows * width * sizeof(float), to);
    return;
  }
  for (int r = 0; r < queries.rows; ++r, to += width) {
    kernels_.CopyToHost(queries.row(r), width * sizeof(float), to);
  }
}

std::vector<float> Decoder::SourceKeys(int layer, int begin, int length) const {
  const kernels::KvCells& cache = source_cache_[layer];
  const size_t width = cache.keys.cols;
  std::vector<float> keys(length * width);
  std::vector<uint16_t> row(width);
  for (int i = 0; i < length; ++i) {
    const size_t cell = (begin + i) * cache.keys.stride;
    float* const to = keys.data() + i * width;
    if (cache.bfloat16_keys == nullptr) {
      kernels_.CopyToHost(cache.keys.data + cell, width * sizeof(float), to);
      continue;
    }
    kernels_.CopyToHost(cache.bfloat16_keys + cell, width * sizeof(uint16_t),
                        row.data());
    std::transform(row.begin(), row.end(), to, FromBFloat16);
  }
  return keys;
}

void Decoder::AttendToSource(int layer, const kernels::SourceSpans& spans,
                             Matrix x) {
  const StageTimer timer(profile_, Stage::kCrossAttention, kernels_);
  const kernels::HeadShape heads = model_.config().architecture.decoder.heads();
  const CrossAttentionWeights& attention =
      model_.weights().decoder_layers[layer].cross_attention;
  const Matrix query = query_.Rows(0, x.rows);
  const Matrix context = context_.Rows(0, x.rows);
  sublayers_.LinearOfInput(attention.norm, *attention.query, x,
                           normed_.Rows(0, x.rows), Activation::kNone, query);
  TapQueries(layer, query);
  kernels_.CrossAttentionStep(heads, spans, query, source_cache_[layer],
                              context);
  kernels_.LinearAdd(*attention.output, context, x);
  sublayers_.End(attention.norm, x);
}

}  // namespace peregrine::model
