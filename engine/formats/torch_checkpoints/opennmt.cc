#include "engine/formats/torch_checkpoints/opennmt.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/limits.h"
#include "engine/formats/torch_checkpoints/settings.h"
#include "engine/formats/torch_checkpoints/tensor_names.h"
#include "engine/formats/torch_checkpoints/tokenizers.h"

namespace peregrine::formats {
namespace {

using kernels::Activation;
using model::ArchitectureConfig;
using model::OutputProjection;
using model::StackConfig;

// Its table has 5000 rows; no model was trained on such sentences.
constexpr int kMaxSentence = 1024;
constexpr const char* kUnk = "<unk>";

// What changes the computation at any other value; "": at any but none.
struct Neutral {
  const char* name;
  const char* value;
  const char* other_value;
};
constexpr Neutral kNeutral[] = {
    {"encoder_type", "transformer", ""},
    {"decoder_type", "transformer", ""},
    {"self_attn_type", "scaled-dot", "scaled-dot-flash"},
    {"layer_norm", "standard", ""},
    {"generator_function", "softmax", ""},
    {"max_relative_positions", "", ""},
    {"aan_useffn", "", ""},
    {"parallel_residual", "", ""},
    {"multiquery", "", ""},
    {"num_kv", "", ""},
    {"copy_attn", "", ""},
    {"shared_layer_norm", "", ""},
    {"num_experts", "", ""}};

class Reader {
 public:
  Reader(const TorchFile& file, const Settings& settings, int source_size,
         int target_size)
      : file_(file), settings_(settings), names_(file) {
    architecture_.source_vocab_size = source_size;
    architecture_.target_vocab_size = target_size;
  }

  absl::Status Read() {
    PEREGRINE_RETURN_IF_ERROR(ReadCommon());
    PEREGRINE_RETURN_IF_ERROR(ReadTables());
    PEREGRINE_RETURN_IF_ERROR(
        ReadStack("encoder", "transformer", architecture_.encoder));
    PEREGRINE_RETURN_IF_ERROR(
        ReadStack("decoder", "transformer_layers", architecture_.decoder));
    for (const std::string& stack :
         {std::string("encoder"), std::string("decoder")}) {
      names_.AddLinear(stack + ".norm", stack + ".layer_norm");
      names_.Ignore(stack + ".embeddings.make_embedding.pe.pe");
    }
    return absl::OkStatus();
  }

  const ArchitectureConfig& architecture() const { return architecture_; }

  TensorNames& names() { return names_; }

 private:
  absl::Status ReadCommon() {
    for (const Neutral& neutral : kNeutral) {
      const std::string found = settings_.Text(neutral.name, neutral.value);
      const bool fits =
          *neutral.value == '\0'
              ? !settings_.IsTrue(neutral.name)
              : found == neutral.value || (*neutral.other_value != '\0' &&
                                           found == neutral.other_value);
      if (fits) continue;
      return settings_.Error(neutral.name, *neutral.value == '\0'
                                               ? "none, the only value that is "
                                                 "supported"
                                               : neutral.value);
    }
    if (!settings_.IsTrue("position_encoding")) {
      return settings_.Error("position_encoding", "True");
    }
    const std::string activation =
        settings_.Text("pos_ffn_activation_fn", "relu");
    // Its silu and gated-gelu have a gate.
    if (activation != "relu" && activation != "gelu") {
      return settings_.Error("pos_ffn_activation_fn", "relu or gelu");
    }
    architecture_.activation =
        activation == "relu" ? Activation::kRelu : Activation::kGelu;
    architecture_.norm = model::NormPlacement::kPre;
    architecture_.layer_norm_epsilon =
        static_cast<float>(settings_.Real("norm_eps", 1e-6));
    architecture_.positions = model::PositionEncoding::kSinusoidalInterleaved;
    architecture_.max_positions = kMaxSentence;
    architecture_.scale_embeddings = true;
    return absl::OkStatus();
  }

  absl::Status ReadTables() {
    const char* const table = ".embeddings.make_embedding.emb_luts.0.weight";
    const std::string encoder = absl::StrCat("encoder", table);
    const std::string decoder = absl::StrCat("decoder", table);
    PEREGRINE_ASSIGN_OR_RETURN(
        const auto source,
        names_.MatrixShape(encoder, architecture_.source_vocab_size));
    PEREGRINE_ASSIGN_OR_RETURN(
        const auto target,
        names_.MatrixShape(decoder, architecture_.target_vocab_size));
    architecture_.encoder.model_dim = static_cast<int>(source[1]);
    architecture_.decoder.model_dim = static_cast<int>(target[1]);
    names_.Add("encoder.embedding", {encoder});
    names_.Add("decoder.embedding", {decoder});
    architecture_.share_embeddings = file_.IsSame(encoder, file_, decoder);
    if (architecture_.share_embeddings) names_.Ignore(decoder);

    const std::string generator =
        file_.Has("generator.0.weight") ? "generator.0" : "generator";
    const std::string output = generator + ".weight";
    PEREGRINE_RETURN_IF_ERROR(
        names_.MatrixShape(output, architecture_.target_vocab_size).status());
    names_.Add("output.weight", {output});
    names_.Add("output.bias", {generator + ".bias"});
    architecture_.output_bias = true;
    const bool is_tied = file_.IsSame(output, file_, decoder);
    architecture_.output =
        is_tied ? OutputProjection::kTied : OutputProjection::kSeparate;
    if (is_tied) names_.Ignore(output);
    return absl::OkStatus();
  }

  absl::Status ReadStack(const std::string& name, const std::string& layers,
                         StackConfig& stack) {
    stack.num_heads = settings_.Int("heads", 8);
    if (stack.num_heads < 1 || stack.model_dim % stack.num_heads != 0) {
      return settings_.Error("heads",
                             absl::StrCat("a divisor of ", stack.model_dim));
    }
    stack.head_dim = stack.model_dim / stack.num_heads;
    const auto prefix = [&] {
      return absl::StrCat(name, ".", layers, ".", stack.num_layers, ".");
    };
    const std::string ffn = "feed_forward.w_1.weight";
    while (stack.num_layers < kMaxLayers && file_.Has(prefix() + ffn)) {
      if (stack.num_layers == 0) {
        PEREGRINE_ASSIGN_OR_RETURN(const auto shape,
                                   names_.MatrixShape(prefix() + ffn, -1));
        stack.ffn_dim = static_cast<int>(shape[0]);
      }
      AddLayer(absl::StrCat(name, ".layers.", stack.num_layers, "."), prefix(),
               stack, name == "decoder");
      ++stack.num_layers;
    }
    if (stack.num_layers > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(file_.path(), ": found no tensor ", prefix(), ffn,
                     ", expected layers"));
  }

  void AddLayer(const std::string& ours, const std::string& theirs,
                const StackConfig& stack, bool is_decoder) {
    AddAttention(ours + "self_attention.", theirs + "self_attn.", stack);
    if (is_decoder) {
      AddAttention(ours + "cross_attention.", theirs + "context_attn.", stack);
      names_.AddLinear(ours + "cross_attention.norm", theirs + "layer_norm_2");
      names_.Ignore(theirs + "mask");
    }
    names_.AddLinear(ours + "self_attention.norm",
                     theirs + (is_decoder ? "layer_norm_1" : "layer_norm"));
    AddWithBias(ours + "ffn.inner", theirs + "feed_forward.w_1", stack.ffn_dim);
    AddWithBias(ours + "ffn.outer", theirs + "feed_forward.w_2",
                stack.model_dim);
    names_.AddLinear(ours + "ffn.norm", theirs + "feed_forward.layer_norm");
  }

  void AddAttention(const std::string& ours, const std::string& theirs,
                    const StackConfig& stack) {
    AddWithBias(ours + "query", theirs + "linear_query", stack.model_dim);
    AddWithBias(ours + "key", theirs + "linear_keys", stack.model_dim);
    AddWithBias(ours + "value", theirs + "linear_values", stack.model_dim);
    AddWithBias(ours + "output", theirs + "final_linear", stack.model_dim);
  }

  // add_qkvbias and add_ffnbias may be off.
  void AddWithBias(const std::string& ours, const std::string& theirs,
                   int out_dim) {
    names_.AddLinear(ours, theirs);
    if (!file_.Has(theirs + ".bias")) names_.AddZeros(ours + ".bias", out_dim);
  }

  const TorchFile& file_;
  const Settings& settings_;
  ArchitectureConfig architecture_;
  TensorNames names_;
};

absl::StatusOr<std::vector<std::string>> ReadVocabulary(
    const Settings& vocabularies, const char* side) {
  std::vector<std::string> pieces;
  if (vocabularies.Texts(side, pieces)) return pieces;
  return vocabularies.Error(absl::StrCat("vocab.", side),
                            "a list, as OpenNMT-py writes it from version 3 "
                            "on");
}

absl::StatusOr<int32_t> FindPiece(const std::vector<std::string>& pieces,
                                  const char* piece, const std::string& path) {
  const auto found = std::find(pieces.begin(), pieces.end(), piece);
  if (found != pieces.end()) {
    return static_cast<int32_t>(found - pieces.begin());
  }
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": vocab: found no \"", piece, "\", expected it among its pieces"));
}

absl::StatusOr<model::TokenConfig> ReadTokens(
    const std::vector<std::string>& source,
    const std::vector<std::string>& target, const std::string& path) {
  model::TokenConfig tokens;
  PEREGRINE_ASSIGN_OR_RETURN(tokens.unk, FindPiece(target, kUnk, path));
  PEREGRINE_ASSIGN_OR_RETURN(tokens.pad, FindPiece(target, "<blank>", path));
  PEREGRINE_ASSIGN_OR_RETURN(tokens.bos, FindPiece(target, "<s>", path));
  PEREGRINE_ASSIGN_OR_RETURN(tokens.eos, FindPiece(target, "</s>", path));
  PEREGRINE_ASSIGN_OR_RETURN(const int32_t unk, FindPiece(source, kUnk, path));
  tokens.decoder_start = tokens.bos;
  if (unk == tokens.unk) return tokens;
  return absl::UnimplementedError(absl::StrCat(
      path, ": vocab: found ", kUnk, " at ", unk, " on the source's side and ",
      tokens.unk, " on the target's, expected the same"));
}

}  // namespace

absl::StatusOr<Checkpoint> OpenOpenNmt(std::unique_ptr<TorchFile> file,
                                       const std::string& directory) {
  const Settings all(file->content(), file->path());
  const Settings settings = all.At("opt");
  const Settings vocabularies = all.At("vocab");
  PEREGRINE_ASSIGN_OR_RETURN(auto source, ReadVocabulary(vocabularies, "src"));
  PEREGRINE_ASSIGN_OR_RETURN(auto target, ReadVocabulary(vocabularies, "tgt"));
  Reader reader(*file, settings, static_cast<int>(source.size()),
                static_cast<int>(target.size()));
  PEREGRINE_RETURN_IF_ERROR(reader.Read());
  Checkpoint checkpoint;
  checkpoint.format = "OpenNMT-py checkpoint";
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory);
  model.source_language = model.target_language = "und";
  model.architecture = reader.architecture();
  PEREGRINE_ASSIGN_OR_RETURN(model.tokens,
                             ReadTokens(source, target, file->path()));
  model.decoding.beam_size = 5;
  model.decoding.length_penalty = 1.0f;
  model.decoding.max_length_factor = 0.0f;
  model.decoding.max_length_offset = 250;
  model.decoding.suppressed_tokens = {model.tokens.pad, model.tokens.bos};
  PEREGRINE_RETURN_IF_ERROR(MakeTokenizers(directory, std::move(source),
                                           std::move(target), checkpoint));
  checkpoint.tensors = std::move(reader.names()).Rename(std::move(file));
  return checkpoint;
}

}  // namespace peregrine::formats
