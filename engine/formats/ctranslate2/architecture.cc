#include "engine/formats/ctranslate2/architecture.h"

#include <cmath>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "engine/base/status_macros.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

using model::ArchitectureConfig;
using model::OutputProjection;
using model::PositionEncoding;

// The library has no limit where positions are computed; its max_input_length
// is this by default.
constexpr int kComputedPositions = 1024;
constexpr uint32_t kFirstRevision = 2;
constexpr uint32_t kLastRevision = 7;

// Reads the architecture off the variables of the file, whose shapes and
// attributes are all that says what it is.
class ArchitectureReader {
 public:
  ArchitectureReader(CTranslate2File& file, CTranslate2Architecture& found)
      : file_(file), found_(found), architecture_(found.config) {}

  absl::Status Read() {
    PEREGRINE_RETURN_IF_ERROR(CheckSpecification());
    PEREGRINE_RETURN_IF_ERROR(ReadStack("encoder", architecture_.encoder,
                                        architecture_.source_vocab_size));
    PEREGRINE_RETURN_IF_ERROR(ReadStack("decoder", architecture_.decoder,
                                        architecture_.target_vocab_size));
    PEREGRINE_RETURN_IF_ERROR(ReadCommon());
    PEREGRINE_RETURN_IF_ERROR(ReadPositions());
    PEREGRINE_RETURN_IF_ERROR(ReadScales());
    ReadOutput();
    ReadStart();
    return PassOverNeutralAttributes();
  }

 private:
  absl::Status Unsupported(absl::string_view what) const {
    return absl::UnimplementedError(absl::StrCat(file_.path(), ": ", what));
  }

  absl::Status CheckSpecification() {
    const std::string& name = file_.specification();
    if (name == "TransformerBase") {
      default_heads_ = 8;
    } else if (name == "TransformerBig") {
      default_heads_ = 16;
    } else if (name != "TransformerSpec") {
      return Unsupported(absl::StrCat("specification: found ", name,
                                      ", expected TransformerSpec, "
                                      "TransformerBase or TransformerBig"));
    }
    if (file_.revision() < kFirstRevision || file_.revision() > kLastRevision) {
      return Unsupported(absl::StrCat("revision of ", name, ": found ",
                                      file_.revision(), ", expected ",
                                      kFirstRevision, " to ", kLastRevision));
    }
    for (const char* norm : {"encoder/layernorm_embedding/gamma",
                             "decoder/layernorm_embedding/gamma"}) {
      if (file_.Has(norm)) {
        return Unsupported(absl::StrCat("found tensor ", norm,
                                        ", expected embeddings without norm"));
      }
    }
    return absl::OkStatus();
  }

  // An attribute of a stack, which stood outside of both before revision 5.
  absl::optional<double> Attribute(const std::string& stack,
                                   const std::string& name) {
    const auto value = file_.Scalar(absl::StrCat(stack, "/", name));
    const auto outside = file_.Scalar(name);
    return value.has_value() ? value : outside;
  }

  absl::StatusOr<std::vector<int64_t>> MatrixShape(const std::string& name) {
    const auto shape = file_.Shape(name);
    if (!shape.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": tensor ", name, ": found none, expected a matrix"));
    }
    if (shape->size() != 2 || (*shape)[0] < 1 || (*shape)[0] > kMaxVocab ||
        (*shape)[1] < 1 || (*shape)[1] > kMaxDim) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_.path(), ": tensor ", name, ": found shape ",
                       model::ShapeString(*shape), ", expected a matrix"));
    }
    return *shape;
  }

  absl::Status ReadStack(const std::string& name, model::StackConfig& stack,
                         int& vocab_size) {
    std::string embedding = name + "/embeddings/weight";
    if (name == "encoder") {
      // A list of one since there may be features beside the tokens.
      if (!file_.Has(embedding)) embedding = name + "/embeddings_0/weight";
      found_.source_embedding = embedding;
    }
    PEREGRINE_ASSIGN_OR_RETURN(const auto table, MatrixShape(embedding));
    vocab_size = static_cast<int>(table[0]);
    stack.model_dim = static_cast<int>(table[1]);
    while (stack.num_layers < kMaxLayers &&
           file_.Has(absl::StrCat(name, "/layer_", stack.num_layers,
                                  "/self_attention/linear_0/weight"))) {
      ++stack.num_layers;
    }
    if (stack.num_layers == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": found no tensor ", name,
          "/layer_0/self_attention/linear_0/weight, expected layers"));
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        const auto ffn, MatrixShape(name + "/layer_0/ffn/linear_0/weight"));
    stack.ffn_dim = static_cast<int>(ffn[0]);
    PEREGRINE_ASSIGN_OR_RETURN(
        const auto attention,
        MatrixShape(name + "/layer_0/self_attention/linear_0/weight"));
    const double heads = Attribute(name, "num_heads").value_or(default_heads_);
    if (!(heads >= 1) || heads > kMaxDim ||
        attention[0] % (3 * static_cast<int>(heads)) != 0 ||
        stack.model_dim % 2 != 0 || stack.ffn_dim > kMaxDim) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": found ", name, "/num_heads ", heads,
          " at a width of ", stack.model_dim, ", attention of ", attention[0],
          " rows and a feed-forward width of ", stack.ffn_dim,
          ", expected an even width, three times the heads to divide the rows, "
          "and at most ",
          kMaxDim));
    }
    stack.num_heads = static_cast<int>(heads);
    stack.head_dim = static_cast<int>(attention[0] / 3) / stack.num_heads;
    return absl::OkStatus();
  }

  // What the engine has once for both stacks.
  absl::Status ReadCommon() {
    const double pre_norm = Attribute("encoder", "pre_norm").value_or(1);
    const double activation = Attribute("encoder", "activation").value_or(0);
    for (const auto& [name, encoder, absent] :
         {std::make_tuple("pre_norm", pre_norm, 1.0),
          std::make_tuple("activation", activation, 0.0)}) {
      const double decoder = Attribute("decoder", name).value_or(absent);
      if (decoder != encoder) {
        return Unsupported(absl::StrCat("found ", name, " ", encoder,
                                        " in the encoder and ", decoder,
                                        " in the decoder, expected the same"));
      }
    }
    architecture_.norm = pre_norm != 0 ? model::NormPlacement::kPre
                                       : model::NormPlacement::kPost;
    architecture_.rms_norm =
        !file_.Has("encoder/layer_0/self_attention/layer_norm/beta");
    architecture_.gated_ffn =
        file_.Has("encoder/layer_0/ffn/linear_0_noact/weight");
    if (architecture_.rms_norm) architecture_.layer_norm_epsilon = 1e-6f;
    if (activation == 0) {
      architecture_.activation = kernels::Activation::kRelu;
    } else if (activation == 1) {
      architecture_.activation = kernels::Activation::kGeluTanh;
    } else if (activation == 2) {
      architecture_.activation = kernels::Activation::kSwish;
    } else if (activation == 3) {
      architecture_.activation = kernels::Activation::kGelu;
    } else if (activation == 4) {
      architecture_.activation = kernels::Activation::kSwish;
      found_.sigmoid_gelu = true;
    } else {
      return Unsupported(
          absl::StrCat("activation: found ", activation,
                       ", expected 0 (ReLU), 1 (GELU by tanh), 2 (Swish), 3 "
                       "(GELU) or 4 (its approximation by a sigmoid)"));
    }
    PEREGRINE_ASSIGN_OR_RETURN(
        const bool encoder, ScalesEmbeddings("encoder", architecture_.encoder));
    PEREGRINE_ASSIGN_OR_RETURN(
        const bool decoder, ScalesEmbeddings("decoder", architecture_.decoder));
    if (encoder != decoder) {
      return Unsupported(
          "found scaled embeddings on one side only, expected both or none");
    }
    architecture_.scale_embeddings = encoder;
    return absl::OkStatus();
  }

  // A flag, or the factor itself; scaled where nothing is said.
  absl::StatusOr<bool> ScalesEmbeddings(const std::string& name,
                                        const model::StackConfig& stack) {
    auto value = file_.Scalar(name + "/scale_embeddings");
    if (!value.has_value()) {
      value = file_.Scalar(name + "/embeddings/multiply_by_sqrt_depth");
    }
    if (!value.has_value()) return true;
    const double root = std::sqrt(static_cast<double>(stack.model_dim));
    if (std::abs(*value - root) < 1e-4 * root) return true;
    // 1 is the flag as an integer and no scaling as a factor.
    if (*value == 0) return false;
    if (*value == 1) return file_.IsInteger(name + "/scale_embeddings");
    return Unsupported(
        absl::StrCat(name, "/scale_embeddings: found ", *value,
                     ", expected 0, 1 or the root of the width, ", root));
  }

  // One number that all of several variables have, which are so used up.
  absl::StatusOr<double> Common(const std::vector<std::string>& names,
                                double absent) {
    double common = absent;
    for (size_t i = 0; i < names.size(); ++i) {
      const double value = file_.Scalar(names[i]).value_or(absent);
      if (i == 0) common = value;
      if (value == common) continue;
      return Unsupported(absl::StrCat(names[i], ": found ", value, " and, in ",
                                      names[0], ", ", common,
                                      ", expected the same"));
    }
    return common;
  }

  std::vector<std::string> InLayers(const std::string& what,
                                    bool with_cross_attention) {
    std::vector<std::string> names;
    for (int n = 0; n < architecture_.encoder.num_layers; ++n) {
      names.push_back(absl::StrCat("encoder/layer_", n, what));
    }
    for (int n = 0; n < architecture_.decoder.num_layers; ++n) {
      names.push_back(absl::StrCat("decoder/layer_", n, what));
      if (!with_cross_attention) continue;
      names.push_back(
          absl::StrCat("decoder/layer_", n, "/attention/",
                       absl::StripPrefix(what, "/self_attention/")));
    }
    return names;
  }

  // Scores are multiplied by what would else be 1 / sqrt(head_dim).
  absl::Status ReadScales() {
    const double root =
        std::sqrt(static_cast<double>(architecture_.encoder.head_dim));
    PEREGRINE_ASSIGN_OR_RETURN(
        const double scale,
        Common(InLayers("/self_attention/queries_scale", true), 1.0 / root));
    found_.queries_scale = static_cast<float>(scale * root);
    found_.output_scale =
        static_cast<float>(file_.Scalar("decoder/scale_outputs").value_or(1.0));
    return absl::OkStatus();
  }

  // The biases of T5 by distance, which the first layer has for all.
  absl::Status ReadDistances() {
    found_.is_t5 = true;
    const char* const table =
        "encoder/layer_0/self_attention/"
        "relative_attention_bias";
    PEREGRINE_ASSIGN_OR_RETURN(const auto shape, MatrixShape(table));
    PEREGRINE_ASSIGN_OR_RETURN(
        const double most,
        Common(
            InLayers("/self_attention/relative_attention_max_distance", false),
            0.0));
    if (most < 1 || most > kMaxPositions || shape[0] > kMaxPositions) {
      return Unsupported(absl::StrCat("found ", shape[0],
                                      " buckets of distances up to ", most,
                                      ", expected 1 to ", kMaxPositions));
    }
    architecture_.positions = PositionEncoding::kDistances;
    architecture_.distances.num_buckets = static_cast<int>(shape[0]);
    architecture_.distances.max_distance = static_cast<int>(most);
    architecture_.max_positions = kComputedPositions;
    return absl::OkStatus();
  }

  absl::Status ReadPositions() {
    if (file_.Has("encoder/layer_0/self_attention/relative_attention_bias")) {
      return ReadDistances();
    }
    const auto encoder = file_.Shape("encoder/position_encodings/encodings");
    const auto decoder = file_.Shape("decoder/position_encodings/encodings");
    if (encoder.has_value() != decoder.has_value()) {
      return Unsupported("found position encodings on one side only");
    }
    if (!encoder.has_value()) {
      architecture_.positions = PositionEncoding::kSinusoidalConcatenated;
      architecture_.position_offset = 1;
      architecture_.max_positions = kComputedPositions + 1;
      return absl::OkStatus();
    }
    if (encoder->size() != 2 || decoder->size() != 2 ||
        (*encoder)[0] != (*decoder)[0] || (*encoder)[0] < 2 ||
        (*encoder)[0] > kMaxDim) {
      return Unsupported(absl::StrCat("found position encodings of shapes ",
                                      model::ShapeString(*encoder), " and ",
                                      model::ShapeString(*decoder),
                                      ", expected equally many on both sides"));
    }
    architecture_.positions = PositionEncoding::kLearned;
    architecture_.max_positions = static_cast<int>((*encoder)[0]);
    return absl::OkStatus();
  }

  void ReadOutput() {
    const std::string source = file_.Resolve(found_.source_embedding);
    const std::string target = file_.Resolve("decoder/embeddings/weight");
    architecture_.share_embeddings = source == target;
    architecture_.output =
        found_.output_scale == 1.0f &&
                file_.Resolve("decoder/projection/weight") == target
            ? OutputProjection::kTied
            : OutputProjection::kSeparate;
    architecture_.output_bias = file_.Has("decoder/projection/bias");
  }

  // Models of Marian start from an embedding of zeros: that of a token more
  // than the file has, the last, which is never generated.
  void ReadStart() {
    const auto zero = Attribute("decoder", "start_from_zero_embedding");
    Attribute("encoder", "start_from_zero_embedding");
    if (zero.value_or(0) == 0) return;
    found_.zero_start = true;
    ++architecture_.target_vocab_size;
    if (architecture_.share_embeddings) ++architecture_.source_vocab_size;
    architecture_.output_bias = true;
  }

  // Attributes that change nothing as they stand in every usual model. Any that
  // is left unread is an error when the weights are loaded.
  absl::Status PassOverNeutralAttributes() {
    for (const std::string& stack :
         {std::string("encoder/"), std::string("decoder/"), std::string()}) {
      for (const char* any :
           {"alignment_layer", "alignment_heads", "embeddings_merge",
            "alibi_use_positive_positions"}) {
        file_.Scalar(stack + any);
      }
      for (const char* zero : {"alibi", "scale_alibi", "sliding_window",
                               "multi_query_attention"}) {
        const auto value = file_.Scalar(stack + zero);
        if (value.value_or(0) != 0) {
          return Unsupported(
              absl::StrCat(stack, zero, ": found ", *value, ", expected 0"));
        }
      }
    }
    return absl::OkStatus();
  }

  CTranslate2File& file_;
  CTranslate2Architecture& found_;
  ArchitectureConfig& architecture_;
  int default_heads_ = 8;
};

}  // namespace

absl::StatusOr<CTranslate2Architecture> ReadCTranslate2Architecture(
    CTranslate2File& file) {
  CTranslate2Architecture found;
  PEREGRINE_RETURN_IF_ERROR(ArchitectureReader(file, found).Read());
  return found;
}

}  // namespace peregrine::formats
