#include "engine/model/weights.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "engine/base/status_macros.h"
#include "engine/model/positions.h"
#include "engine/model/weight_uploader.h"

namespace peregrine::model {
namespace {

using kernels::EmbeddingTable;
using kernels::LinearRows;
using kernels::LinearUse;
using kernels::LinearWeight;
using kernels::NormWeight;

// Reads tensors by name and puts them on the device. One story: the functions
// stand in the order of docs/model-format.md.
class WeightsLoader {
 public:
  WeightsLoader(const ArchitectureConfig& architecture, TensorSource& tensors,
                kernels::Kernels& kernels, kernels::Precision precision,
                bool selects)
      : architecture_(architecture),
        tensors_(tensors),
        selects_(selects && kernels.gains_by_selections()),
        uploader_(kernels, precision) {
    weights_.precision = precision;
  }

  absl::StatusOr<Weights> Load() {
    PEREGRINE_RETURN_IF_ERROR(LoadEmbeddings());
    PEREGRINE_RETURN_IF_ERROR(LoadOutput());  // then the embedding can go
    const StackConfig& encoder = architecture_.encoder;
    const StackConfig& decoder = architecture_.decoder;
    for (int n = 0; n < encoder.num_layers; ++n) {
      const std::string layer = absl::StrCat("encoder.layers.", n, ".");
      EncoderLayerWeights& weights = weights_.encoder_layers.emplace_back();
      PEREGRINE_RETURN_IF_ERROR(LoadSelfAttention(
          layer, encoder, LinearRows::kSourceTokens, weights.self_attention));
      PEREGRINE_RETURN_IF_ERROR(LoadFeedForward(
          layer, encoder, LinearRows::kSourceTokens, weights.ffn));
    }
    for (int n = 0; n < decoder.num_layers; ++n) {
      const std::string layer = absl::StrCat("decoder.layers.", n, ".");
      DecoderLayerWeights& weights = weights_.decoder_layers.emplace_back();
      PEREGRINE_RETURN_IF_ERROR(LoadDecoderLayer(layer, weights));
    }
    if (architecture_.norm == NormPlacement::kPre && architecture_.final_norm) {
      PEREGRINE_ASSIGN_OR_RETURN(weights_.encoder_norm,
                                 LoadNorm("encoder.norm", encoder.model_dim));
      PEREGRINE_ASSIGN_OR_RETURN(weights_.decoder_norm,
                                 LoadNorm("decoder.norm", decoder.model_dim));
    }
    PEREGRINE_RETURN_IF_ERROR(CheckNothingLeft());
    weights_.buffers = uploader_.TakeBuffers();
    weights_.bytes = uploader_.bytes();
    return std::move(weights_);
  }

 private:
  absl::StatusOr<std::vector<float>> Read(const std::string& name,
                                          absl::Span<const int64_t> shape) {
    PEREGRINE_ASSIGN_OR_RETURN(std::vector<float> values,
                               tensors_.Read(name, shape));
    weights_.num_parameters += static_cast<int64_t>(values.size());
    return values;
  }

  // The same by rows, for what may be large.
  absl::StatusOr<std::unique_ptr<const TensorRows>> Open(
      const std::string& name, absl::Span<const int64_t> shape) {
    weights_.num_parameters += NumElements(shape);
    return tensors_.OpenRows(name, shape);
  }

  absl::StatusOr<StackedRows> OpenMatrix(const std::string& name, int num_rows,
                                         int row_size) {
    StackedRows matrix(row_size);
    PEREGRINE_ASSIGN_OR_RETURN(auto rows, Open(name, {num_rows, row_size}));
    matrix.Add(std::move(rows), num_rows);
    return matrix;
  }

  // The table `name`, to be multiplied by sqrt(dim) where the architecture asks
  // for it.
  absl::StatusOr<Table> OpenTable(const std::string& name, int num_rows,
                                  int dim) {
    PEREGRINE_ASSIGN_OR_RETURN(StackedRows rows,
                               OpenMatrix(name, num_rows, dim));
    return Table{absl::StrCat(tensors_.path(), ": ", name),
                 std::make_shared<const StackedRows>(std::move(rows)),
                 architecture_.scale_embeddings ? dim : 1.0};
  }

  struct LinearName {
    std::string name;
    int out_dim;
    bool has_bias = true;  // if those of the architecture have one
  };

  // The linear layers `linears`, all of in_dim inputs, one below the other.
  absl::StatusOr<std::unique_ptr<LinearWeight>> LoadLinears(
      const std::vector<LinearName>& linears, int in_dim,
      LinearRows rows = LinearRows::kHypotheses,
      LinearUse use = LinearUse::kPlain) {
    StackedRows weight(in_dim);
    std::vector<float> bias;
    for (const LinearName& linear : linears) {
      PEREGRINE_ASSIGN_OR_RETURN(
          auto w, Open(linear.name + ".weight", {linear.out_dim, in_dim}));
      weight.Add(std::move(w), linear.out_dim);
      std::vector<float> b(linear.out_dim);
      if (linear.has_bias && architecture_.linear_bias) {
        PEREGRINE_ASSIGN_OR_RETURN(
            b, Read(linear.name + ".bias", {linear.out_dim}));
      }
      bias.insert(bias.end(), b.begin(), b.end());
    }
    return uploader_.Pack(weight, bias, rows, use);
  }

  // The same where all have out_dim outputs and a bias.
  absl::StatusOr<std::unique_ptr<LinearWeight>> LoadLinear(
      std::initializer_list<std::string> names, int out_dim, int in_dim,
      LinearRows rows = LinearRows::kHypotheses,
      LinearUse use = LinearUse::kPlain) {
    std::vector<LinearName> linears;
    for (const std::string& name : names) linears.push_back({name, out_dim});
    return LoadLinears(linears, in_dim, rows, use);
  }

  absl::StatusOr<NormWeight> LoadNorm(const std::string& name, int dim) {
    NormWeight norm;
    PEREGRINE_ASSIGN_OR_RETURN(auto gain, Read(name + ".weight", {dim}));
    PEREGRINE_ASSIGN_OR_RETURN(norm.gain, uploader_.Upload(gain));
    if (!architecture_.rms_norm) {
      PEREGRINE_ASSIGN_OR_RETURN(auto bias, Read(name + ".bias", {dim}));
      PEREGRINE_ASSIGN_OR_RETURN(norm.bias, uploader_.Upload(bias));
    }
    norm.epsilon = architecture_.layer_norm_epsilon;
    return norm;
  }

  absl::Status LoadEmbeddings() {
    const StackConfig& encoder = architecture_.encoder;
    const StackConfig& decoder = architecture_.decoder;
    PEREGRINE_ASSIGN_OR_RETURN(
        Table table,
        OpenTable("encoder.embedding", architecture_.source_vocab_size,
                  encoder.model_dim));
    PEREGRINE_RETURN_IF_ERROR(
        uploader_.UploadTable(table, weights_.source_embedding));
    if (architecture_.share_embeddings) {
      weights_.target_embedding = weights_.source_embedding;
    } else {
      PEREGRINE_ASSIGN_OR_RETURN(
          table, OpenTable("decoder.embedding", architecture_.target_vocab_size,
                           decoder.model_dim));
      PEREGRINE_RETURN_IF_ERROR(
          uploader_.UploadTable(table, weights_.target_embedding));
    }
    if (architecture_.output == OutputProjection::kTied) {
      target_embedding_ = table.rows;
    }
    PEREGRINE_RETURN_IF_ERROR(LoadPositions(
        "encoder.positions", encoder.model_dim, weights_.source_embedding));
    PEREGRINE_RETURN_IF_ERROR(LoadPositions(
        "decoder.positions", decoder.model_dim, weights_.target_embedding));
    PEREGRINE_RETURN_IF_ERROR(LoadDistances());
    if (!architecture_.embedding_norm) return absl::OkStatus();
    PEREGRINE_ASSIGN_OR_RETURN(
        weights_.encoder_embedding_norm,
        LoadNorm("encoder.embedding_norm", encoder.model_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights_.decoder_embedding_norm,
        LoadNorm("decoder.embedding_norm", decoder.model_dim));
    return absl::OkStatus();
  }

  absl::Status LoadPositions(const std::string& name, int dim,
                             EmbeddingTable& table) {
    if (architecture_.scale_embeddings)
      table.scale = std::sqrt(static_cast<float>(dim));
    std::vector<float> positions;
    if (architecture_.positions == PositionEncoding::kLearned) {
      PEREGRINE_ASSIGN_OR_RETURN(
          const Table learned,
          OpenTable(name, architecture_.max_positions, dim));
      positions.resize(static_cast<size_t>(architecture_.max_positions) * dim);
      PEREGRINE_RETURN_IF_ERROR(
          learned.rows->Read(0, architecture_.max_positions, positions.data()));
      PEREGRINE_RETURN_IF_ERROR(CheckRows(learned, 0, positions));
    } else if (architecture_.positions == PositionEncoding::kDistances) {
      positions.resize(static_cast<size_t>(architecture_.max_positions) * dim);
    } else {
      positions = SinusoidalPositions(architecture_.positions,
                                      architecture_.max_positions, dim);
    }
    PEREGRINE_ASSIGN_OR_RETURN(table.positions, uploader_.Upload(positions));
    return absl::OkStatus();
  }

  absl::Status LoadDistances() {
    if (architecture_.positions != PositionEncoding::kDistances) {
      return absl::OkStatus();
    }
    PEREGRINE_RETURN_IF_ERROR(
        LoadDistances("encoder.distances", architecture_.encoder,
                      /*is_encoder=*/true, weights_.encoder_distances));
    return LoadDistances("decoder.distances", architecture_.decoder,
                         /*is_encoder=*/false, weights_.decoder_distances);
  }

  absl::Status LoadDistances(const std::string& name, const StackConfig& stack,
                             bool is_encoder, kernels::DistanceBias& bias) {
    const DistanceBuckets& buckets = architecture_.distances;
    PEREGRINE_ASSIGN_OR_RETURN(
        const auto by_bucket,
        Read(name, {buckets.num_buckets, stack.num_heads}));
    PEREGRINE_ASSIGN_OR_RETURN(
        bias.table, uploader_.Upload(DistanceTable(
                        buckets, is_encoder, stack.num_heads, by_bucket)));
    bias.max_distance = buckets.max_distance;
    return absl::OkStatus();
  }

  absl::Status LoadSelfAttention(const std::string& layer,
                                 const StackConfig& stack, LinearRows rows,
                                 SelfAttentionWeights& weights) {
    const std::string prefix = layer + "self_attention.";
    const int width = stack.heads().width();
    PEREGRINE_ASSIGN_OR_RETURN(weights.norm,
                               LoadNorm(prefix + "norm", stack.model_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.query_key_value,
        LoadLinear({prefix + "query", prefix + "key", prefix + "value"}, width,
                   stack.model_dim, rows));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.output, LoadLinear({prefix + "output"}, stack.model_dim, width,
                                   rows, LinearUse::kAdd));
    return absl::OkStatus();
  }

  absl::Status LoadDecoderLayer(const std::string& layer,
                                DecoderLayerWeights& weights) {
    const StackConfig& decoder = architecture_.decoder;
    switch (architecture_.decoder_state) {
      case DecoderState::kSelfAttention:
        PEREGRINE_RETURN_IF_ERROR(LoadSelfAttention(
            layer, decoder, LinearRows::kHypotheses, weights.self_attention));
        break;
      case DecoderState::kAan:
        PEREGRINE_RETURN_IF_ERROR(
            LoadAverageAttention(layer, weights.average_attention));
        break;
      case DecoderState::kSsru:
        PEREGRINE_RETURN_IF_ERROR(LoadSsru(layer, weights.ssru));
        break;
      case DecoderState::kCan:
        return LoadCompressedAttention(layer, weights.compressed_attention);
    }
    PEREGRINE_RETURN_IF_ERROR(
        LoadCrossAttention(layer, weights.cross_attention));
    return LoadFeedForward(layer, decoder, LinearRows::kHypotheses,
                           weights.ffn);
  }

  absl::Status LoadAverageAttention(const std::string& layer,
                                    AverageAttentionWeights& weights) {
    const std::string prefix = layer + "average_attention.";
    const int dim = architecture_.decoder.model_dim;
    const int inner_dim = architecture_.aan_ffn_dim;
    PEREGRINE_ASSIGN_OR_RETURN(weights.norm, LoadNorm(prefix + "norm", dim));
    if (inner_dim > 0) {
      PEREGRINE_ASSIGN_OR_RETURN(
          weights.inner, LoadLinear({prefix + "inner"}, inner_dim, dim));
      PEREGRINE_ASSIGN_OR_RETURN(
          weights.outer, LoadLinear({prefix + "outer"}, dim, inner_dim));
    }
    PEREGRINE_ASSIGN_OR_RETURN(weights.input_gate,
                               LoadLinear({prefix + "input_gate"}, dim, dim));
    PEREGRINE_ASSIGN_OR_RETURN(weights.forget_gate,
                               LoadLinear({prefix + "forget_gate"}, dim, dim));
    return absl::OkStatus();
  }

  absl::Status LoadSsru(const std::string& layer, SsruWeights& weights) {
    const std::string prefix = layer + "ssru.";
    const int dim = architecture_.decoder.model_dim;
    PEREGRINE_ASSIGN_OR_RETURN(weights.norm, LoadNorm(prefix + "norm", dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.input_forget,
        LoadLinears({{prefix + "input", dim, /*has_bias=*/false},
                     {prefix + "forget_gate", dim}},
                    dim));
    return absl::OkStatus();
  }

  absl::Status LoadCompressedAttention(const std::string& layer,
                                       CompressedAttentionWeights& weights) {
    const std::string prefix = layer + "compressed_attention.";
    const StackConfig& decoder = architecture_.decoder;
    const int width = decoder.heads().width();
    PEREGRINE_ASSIGN_OR_RETURN(weights.norm,
                               LoadNorm(prefix + "norm", decoder.model_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.query_key_value_inner,
        LoadLinears({{prefix + "query", width},
                     {prefix + "key", width},
                     {prefix + "value", decoder.ffn_dim},
                     {prefix + "inner", decoder.ffn_dim}},
                    decoder.model_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.source_key_value,
        LoadLinears({{prefix + "source_key", width},
                     {prefix + "source_value", decoder.ffn_dim}},
                    architecture_.encoder.model_dim,
                    LinearRows::kSourceTokens));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.output,
        LoadLinear({prefix + "output"}, decoder.model_dim, decoder.ffn_dim,
                   LinearRows::kHypotheses, LinearUse::kAdd));
    return absl::OkStatus();
  }

  absl::Status LoadCrossAttention(const std::string& layer,
                                  CrossAttentionWeights& weights) {
    const std::string prefix = layer + "cross_attention.";
    const StackConfig& decoder = architecture_.decoder;
    const int width = decoder.heads().width();
    PEREGRINE_ASSIGN_OR_RETURN(weights.norm,
                               LoadNorm(prefix + "norm", decoder.model_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.query,
        LoadLinear({prefix + "query"}, width, decoder.model_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.key_value,
        LoadLinear({prefix + "key", prefix + "value"}, width,
                   architecture_.encoder.model_dim, LinearRows::kSourceTokens));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.output,
        LoadLinear({prefix + "output"}, decoder.model_dim, width,
                   LinearRows::kHypotheses, LinearUse::kAdd));
    return absl::OkStatus();
  }

  absl::Status LoadFeedForward(const std::string& layer,
                               const StackConfig& stack, LinearRows rows,
                               FeedForwardWeights& weights) {
    if (stack.ffn_dim == 0) return absl::OkStatus();
    const std::string prefix = layer + "ffn.";
    PEREGRINE_ASSIGN_OR_RETURN(weights.norm,
                               LoadNorm(prefix + "norm", stack.model_dim));
    std::vector<LinearName> inner = {{prefix + "inner", stack.ffn_dim}};
    if (architecture_.gated_ffn) {
      inner.push_back({prefix + "factor", stack.ffn_dim});
    }
    const bool is_relu =
        architecture_.activation == kernels::Activation::kRelu &&
        !architecture_.gated_ffn;
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.inner,
        LoadLinears(inner, stack.model_dim, rows,
                    is_relu ? LinearUse::kRelu : LinearUse::kPlain));
    PEREGRINE_ASSIGN_OR_RETURN(
        weights.outer, LoadLinear({prefix + "outer"}, stack.model_dim,
                                  stack.ffn_dim, rows, LinearUse::kAdd));
    return absl::OkStatus();
  }

  absl::Status LoadOutput() {
    const int vocab_size = architecture_.target_vocab_size;
    const int model_dim = architecture_.decoder.model_dim;
    int in_dim = model_dim;
    if (architecture_.output == OutputProjection::kFactorized) {
      in_dim = architecture_.output_rank;
      PEREGRINE_ASSIGN_OR_RETURN(
          const StackedRows factor,
          OpenMatrix("output.factor.weight", in_dim, model_dim));
      PEREGRINE_ASSIGN_OR_RETURN(
          weights_.output_factor,
          uploader_.Pack(factor, {}, LinearRows::kHypotheses,
                         LinearUse::kPlain));
    }
    std::shared_ptr<const StackedRows> weight = std::move(target_embedding_);
    if (weight == nullptr) {
      PEREGRINE_ASSIGN_OR_RETURN(
          StackedRows rows, OpenMatrix("output.weight", vocab_size, in_dim));
      weight = std::make_shared<const StackedRows>(std::move(rows));
    }
    std::vector<float> bias;
    if (architecture_.output_bias) {
      PEREGRINE_ASSIGN_OR_RETURN(bias, Read("output.bias", {vocab_size}));
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        weights_.output,
        uploader_.Pack(*weight, bias, LinearRows::kHypotheses,
                       selects_ ? LinearUse::kSelected : LinearUse::kPlain));
    return absl::OkStatus();
  }

  absl::Status CheckNothingLeft() {
    std::vector<std::string> names = tensors_.Unread();
    if (names.empty()) return absl::OkStatus();
    const size_t count = names.size();
    if (count > 5) names.resize(5);
    return absl::InvalidArgumentError(absl::StrCat(
        tensors_.path(), ": found ", count,
        " tensors that the architecture does not have: ",
        absl::StrJoin(names, ", "), count > names.size() ? ", ..." : ""));
  }

  const ArchitectureConfig& architecture_;
  TensorSource& tensors_;
  const bool selects_;
  WeightUploader uploader_;
  Weights weights_;
  // Until LoadOutput, where that is tied to it.
  std::shared_ptr<const StackedRows> target_embedding_;
};

}  // namespace

absl::StatusOr<Weights> LoadWeights(const ArchitectureConfig& architecture,
                                    TensorSource& tensors,
                                    kernels::Kernels& kernels,
                                    kernels::Precision precision,
                                    bool selects) {
  return WeightsLoader(architecture, tensors, kernels, precision, selects)
      .Load();
}

}  // namespace peregrine::model
