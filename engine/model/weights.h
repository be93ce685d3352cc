#ifndef PEREGRINE_ENGINE_MODEL_WEIGHTS_H_
#define PEREGRINE_ENGINE_MODEL_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"
#include "engine/model/tensor_source.h"

namespace peregrine::model {

// The weights of the graph, in the form in which encoder.cc and decoder.cc use
// them: projections of the same input are one matrix. Shapes are [out, in] with
// D the stack's model_dim, A its heads' width, F its ffn_dim, E the encoder's
// model_dim.

struct SelfAttentionWeights {
  kernels::NormWeight norm;
  std::unique_ptr<kernels::LinearWeight> query_key_value;  // [3A, D]
  std::unique_ptr<kernels::LinearWeight> output;           // [D, A]
};

struct AverageAttentionWeights {
  kernels::NormWeight norm;
  std::unique_ptr<kernels::LinearWeight> inner;  // [aan_ffn_dim, D], or null
  std::unique_ptr<kernels::LinearWeight> outer;  // [D, aan_ffn_dim], or null
  std::unique_ptr<kernels::LinearWeight> input_gate;   // [D, D]
  std::unique_ptr<kernels::LinearWeight> forget_gate;  // [D, D]
};

struct SsruWeights {
  kernels::NormWeight norm;
  std::unique_ptr<kernels::LinearWeight> input_forget;  // [2D, D]
};

struct CompressedAttentionWeights {
  kernels::NormWeight norm;
  // [2A + 2F, D]
  std::unique_ptr<kernels::LinearWeight> query_key_value_inner;
  std::unique_ptr<kernels::LinearWeight> source_key_value;  // [A + F, E]
  std::unique_ptr<kernels::LinearWeight> output;            // [D, F]
};

struct CrossAttentionWeights {
  kernels::NormWeight norm;
  std::unique_ptr<kernels::LinearWeight> query;      // [A, D]
  std::unique_ptr<kernels::LinearWeight> key_value;  // [2A, E]
  std::unique_ptr<kernels::LinearWeight> output;     // [D, A]
};

// Both weights are null in a layer without a feed-forward block.
struct FeedForwardWeights {
  kernels::NormWeight norm;
  // [ffn_dim, D]; of a gated one [2 * ffn_dim, D]: what is activated, then what
  // that is multiplied by.
  std::unique_ptr<kernels::LinearWeight> inner;
  std::unique_ptr<kernels::LinearWeight> outer;  // [D, ffn_dim]
};

struct EncoderLayerWeights {
  SelfAttentionWeights self_attention;
  FeedForwardWeights ffn;
};

// Only what the DecoderState has is set.
struct DecoderLayerWeights {
  SelfAttentionWeights self_attention;
  AverageAttentionWeights average_attention;
  SsruWeights ssru;
  CompressedAttentionWeights compressed_attention;
  CrossAttentionWeights cross_attention;
  FeedForwardWeights ffn;
};

struct Weights {
  kernels::EmbeddingTable source_embedding;
  kernels::EmbeddingTable target_embedding;
  std::vector<EncoderLayerWeights> encoder_layers;
  std::vector<DecoderLayerWeights> decoder_layers;
  kernels::NormWeight encoder_embedding_norm;  // unset where there is none
  kernels::NormWeight decoder_embedding_norm;
  kernels::NormWeight encoder_norm;  // unset for post-norm
  kernels::NormWeight decoder_norm;
  kernels::DistanceBias encoder_distances;  // unset but for kDistances
  kernels::DistanceBias decoder_distances;
  std::unique_ptr<kernels::LinearWeight> output_factor;  // [rank, D], or null
  std::unique_ptr<kernels::LinearWeight> output;         // [vocab, D or rank]

  // Of the linear layers.
  kernels::Precision precision = kernels::Precision::kFloat32;
  // Of the self-attention of all layers of a side.
  kernels::HeadShape EncoderHeads(const StackConfig& encoder) const {
    return {encoder.num_heads, encoder.head_dim, encoder_distances};
  }
  kernels::HeadShape DecoderHeads(const StackConfig& decoder) const {
    return {decoder.num_heads, decoder.head_dim, decoder_distances};
  }

  // What the views above point to.
  std::vector<std::unique_ptr<kernels::Buffer>> buffers;

  int64_t num_parameters = 0;
  size_t bytes = 0;  // on the device
};

// Reads every tensor that `architecture` asks for, and refuses a checkpoint
// that has others: they would belong to another architecture. Linear layers are
// kept in `precision`; embeddings in bfloat16 unless that is float32.
// `selects`: some outputs will be selected, by a shortlist.
absl::StatusOr<Weights> LoadWeights(const ArchitectureConfig& architecture,
                                    TensorSource& tensors,
                                    kernels::Kernels& kernels,
                                    kernels::Precision precision,
                                    bool selects = false);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_WEIGHTS_H_
