#include "engine/formats/hugging_face/t5.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/formats/hugging_face/t5_tokenizer.h"
#include "engine/formats/hugging_face/tensors.h"
#include "engine/formats/limits.h"
#include "engine/formats/renamed_tensors.h"

namespace peregrine::formats {
namespace {

using kernels::Activation;
using model::ArchitectureConfig;
using model::OutputProjection;
using model::StackConfig;

// Positions have no table that would limit them; T5 was trained on so many.
constexpr int kTrainedPositions = 512;

// What this architecture says of the models' defaults, by model_type.
struct Defaults {
  const char* format;
  bool tied = true;
  const char* feed_forward = "relu";
};

Defaults DefaultsOf(const HuggingFaceDirectory& directory) {
  if (directory.config().value("model_type", Json()) == "mt5") {
    return {"Hugging Face mT5", false, "gated-gelu"};
  }
  return {"Hugging Face T5"};
}

// feed_forward_proj: "relu", or "gated-gelu" with the GELU by tanh.
void ReadFeedForward(const Defaults& defaults, JsonObjectReader& reader,
                     ArchitectureConfig& architecture) {
  struct Form {
    bool gated;
    Activation activation;
  };
  const Form form =
      reader.Choice<Form>("feed_forward_proj",
                          {{"relu", {false, Activation::kRelu}},
                           {"gelu", {false, Activation::kGelu}},
                           {"gelu_new", {false, Activation::kGeluTanh}},
                           {"silu", {false, Activation::kSwish}},
                           {"gated-relu", {true, Activation::kRelu}},
                           {"gated-gelu", {true, Activation::kGeluTanh}},
                           {"gated-gelu_new", {true, Activation::kGeluTanh}},
                           {"gated-silu", {true, Activation::kSwish}}},
                          std::string(defaults.feed_forward) == "relu"
                              ? Form{false, Activation::kRelu}
                              : Form{true, Activation::kGeluTanh});
  architecture.gated_ffn = form.gated;
  architecture.activation = form.activation;
}

// `scales_output`: logits are divided by sqrt(d_model).
absl::StatusOr<ArchitectureConfig> ReadArchitecture(
    const HuggingFaceDirectory& directory, const Defaults& defaults,
    bool& scales_output) {
  PEREGRINE_RETURN_IF_ERROR(directory.RefuseQuantization());
  JsonObjectReader reader = directory.ConfigReader();
  ArchitectureConfig architecture;
  architecture.source_vocab_size = reader.Int("vocab_size", 1, kMaxVocab);
  architecture.target_vocab_size = architecture.source_vocab_size;
  StackConfig& encoder = architecture.encoder;
  encoder.num_layers = reader.Int("num_layers", 1, kMaxLayers, 6);
  encoder.model_dim = reader.Int("d_model", 2, kMaxDim, 512);
  encoder.ffn_dim = reader.Int("d_ff", 1, kMaxDim, 2048);
  encoder.num_heads = reader.Int("num_heads", 1, kMaxDim, 8);
  encoder.head_dim = reader.Int("d_kv", 1, kMaxDim, 64);
  architecture.decoder = encoder;
  architecture.decoder.num_layers =
      reader.Int("num_decoder_layers", 1, kMaxLayers, encoder.num_layers);
  architecture.norm = model::NormPlacement::kPre;
  architecture.rms_norm = true;
  architecture.layer_norm_epsilon =
      reader.Float("layer_norm_epsilon", 1e-12f, 1.0f, 1e-6f);
  architecture.linear_bias = false;
  ReadFeedForward(defaults, reader, architecture);
  architecture.positions = model::PositionEncoding::kDistances;
  architecture.distances.num_buckets =
      reader.Int("relative_attention_num_buckets", 4, kMaxPositions, 32);
  architecture.distances.max_distance =
      reader.Int("relative_attention_max_distance", 1, kMaxPositions, 128);
  architecture.max_positions =
      reader.Int("n_positions", 2, kMaxPositions, kTrainedPositions);
  architecture.share_embeddings = true;
  const bool tied = reader.Bool("tie_word_embeddings", defaults.tied);
  architecture.output =
      tied ? OutputProjection::kTied : OutputProjection::kSeparate;
  // transformers 5 ties always, and keeps what it used to mean apart.
  scales_output = reader.Bool("scale_decoder_outputs", tied);
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  return architecture;
}

// From our names to theirs. Attention is not scaled there, so that what we
// divide by sqrt(head_dim) is multiplied by it before.
class Names {
 public:
  explicit Names(const ArchitectureConfig& architecture)
      : architecture_(architecture) {}

  RenamedTensors::Table Make(const EmbeddingNames& embeddings,
                             float output_scale) {
    AddStack("encoder", architecture_.encoder.num_layers, {"self_attention"});
    AddStack("decoder", architecture_.decoder.num_layers,
             {"self_attention", "cross_attention"});
    table_["encoder.embedding"] = {embeddings.encoder};
    table_["decoder.embedding"] = {embeddings.decoder};
    table_["output.weight"] = {embeddings.output};
    table_["output.weight"].scale = output_scale;
    return std::move(table_);
  }

 private:
  void AddStack(const std::string& stack, int num_layers,
                const std::vector<std::string>& attentions) {
    table_[stack + ".norm.weight"] = {stack + ".final_layer_norm.weight"};
    TensorPlace& distances = table_[stack + ".distances"];
    distances.name = stack +
                     ".block.0.layer.0.SelfAttention.relative_attention_bias."
                     "weight";
    distances.scale = AttentionScale();
    for (int n = 0; n < num_layers; ++n) {
      const std::string ours = absl::StrCat(stack, ".layers.", n, ".");
      int part = 0;
      for (const std::string& attention : attentions) {
        AddAttention(absl::StrCat(ours, attention, "."),
                     absl::StrCat(stack, ".block.", n, ".layer.", part, "."),
                     part == 0 ? "SelfAttention." : "EncDecAttention.");
        ++part;
      }
      AddFeedForward(ours + "ffn.",
                     absl::StrCat(stack, ".block.", n, ".layer.", part, "."));
    }
  }

  void AddAttention(const std::string& ours, const std::string& theirs,
                    const std::string& kind) {
    table_[ours + "norm.weight"] = {theirs + "layer_norm.weight"};
    table_[ours + "query.weight"] = {theirs + kind + "q.weight"};
    table_[ours + "query.weight"].scale = AttentionScale();
    table_[ours + "key.weight"] = {theirs + kind + "k.weight"};
    table_[ours + "value.weight"] = {theirs + kind + "v.weight"};
    table_[ours + "output.weight"] = {theirs + kind + "o.weight"};
  }

  void AddFeedForward(const std::string& ours, const std::string& theirs) {
    const std::string dense = theirs + "DenseReluDense.";
    table_[ours + "norm.weight"] = {theirs + "layer_norm.weight"};
    table_[ours + "outer.weight"] = {dense + "wo.weight"};
    if (architecture_.gated_ffn) {
      table_[ours + "inner.weight"] = {dense + "wi_0.weight"};
      table_[ours + "factor.weight"] = {dense + "wi_1.weight"};
    } else {
      table_[ours + "inner.weight"] = {dense + "wi.weight"};
    }
  }

  float AttentionScale() const {
    return std::sqrt(static_cast<float>(architecture_.encoder.head_dim));
  }

  const ArchitectureConfig& architecture_;
  RenamedTensors::Table table_;
};

EmbeddingTables T5Tables() {
  return {"shared.weight", "encoder.embed_tokens.weight",
          "decoder.embed_tokens.weight", "lm_head.weight"};
}

absl::StatusOr<std::unique_ptr<model::TensorSource>> OpenTensors(
    const HuggingFaceDirectory& directory, bool scales_output,
    const HuggingFaceDirectory::Generation& generation,
    ArchitectureConfig& architecture) {
  PEREGRINE_ASSIGN_OR_RETURN(auto weights, directory.OpenWeights());
  const EmbeddingTables tables = T5Tables();
  PEREGRINE_ASSIGN_OR_RETURN(
      const EmbeddingNames embeddings,
      SettleEmbeddings(*weights, directory, tables, architecture));
  float scale = 1.0f;
  if (scales_output) {
    scale /= std::sqrt(static_cast<float>(architecture.decoder.model_dim));
    // The same table twice, of which one is scaled.
    architecture.output = OutputProjection::kSeparate;
  }
  auto tensors = std::make_unique<RenamedTensors>(
      std::move(weights), Names(architecture).Make(embeddings, scale));
  const std::vector<int32_t>& suppressed =
      generation.decoding.suppressed_tokens;
  architecture.output_bias = generation.renormalize && !suppressed.empty();
  if (architecture.output_bias) {
    tensors->Supply("output.bias",
                    std::vector<float>(architecture.target_vocab_size));
    tensors->Exclude("output.bias", suppressed);
  }
  for (const std::string& name :
       {tables.shared, tables.encoder, tables.decoder, tables.output}) {
    tensors->Ignore(name);
  }
  // The first T5 were saved with one of cross-attention, which has no meaning.
  tensors->Ignore(
      "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight");
  return std::unique_ptr<model::TensorSource>(std::move(tensors));
}

// MADLAD-400 is told the target's language before the source. That of the
// source is told to nobody: texts are cut into sentences as if it were English,
// unless a request names another.
void SetLanguages(T5Tokenizer& tokenizer, model::ModelConfig& model) {
  model.languages = std::move(tokenizer.languages);
  const model::Language* english = model::FindLanguage(model.languages, "en");
  model.source_language =
      english != nullptr ? english->code : model.languages[0].code;
  model.target_language = "";
  model.tokens.target_in_source = true;
  model.tokens.source_language = model.languages[0].token;
  model.tokens.source_prefix = std::move(tokenizer.before_language);
  model.tokens.source_prefix.push_back(model.tokens.source_language);
}

}  // namespace

absl::StatusOr<Checkpoint> OpenHuggingFaceT5(const std::string& directory_path,
                                             const Json& config) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const HuggingFaceDirectory directory,
      HuggingFaceDirectory::Open(directory_path, config));
  const Defaults defaults = DefaultsOf(directory);
  Checkpoint checkpoint;
  checkpoint.format = defaults.format;
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory_path);
  model.source_language = "und";
  model.target_language = "und";
  bool scales_output = false;
  PEREGRINE_ASSIGN_OR_RETURN(
      model.architecture, ReadArchitecture(directory, defaults, scales_output));
  PEREGRINE_ASSIGN_OR_RETURN(model.tokens,
                             directory.ReadTokens(model.architecture));
  PEREGRINE_ASSIGN_OR_RETURN(
      const auto generation,
      directory.ReadGeneration(model.architecture, model.tokens));
  model.decoding = generation.decoding;
  PEREGRINE_ASSIGN_OR_RETURN(
      T5Tokenizer tokenizer,
      LoadT5Tokenizer(directory, model.architecture.source_vocab_size,
                      model.tokens));
  checkpoint.source_tokenizer = tokenizer.tokenizer;
  checkpoint.target_tokenizer = tokenizer.tokenizer;
  if (!tokenizer.languages.empty()) {
    checkpoint.format = "Hugging Face MADLAD-400";
    SetLanguages(tokenizer, model);
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.tensors,
      OpenTensors(directory, scales_output, generation, model.architecture));
  return checkpoint;
}

}  // namespace peregrine::formats
