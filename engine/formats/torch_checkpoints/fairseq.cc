#include "engine/formats/torch_checkpoints/fairseq.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/file.h"
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
using model::PositionEncoding;
using model::StackConfig;

constexpr int32_t kBos = 0;
constexpr int32_t kPad = 1;
constexpr int32_t kEos = 2;
constexpr int32_t kUnk = 3;
constexpr const char* kSpecials[] = {"<s>", "<pad>", "</s>", "<unk>"};
constexpr int kPositionOffset = kPad + 1;
constexpr int kUsualPositions = 1024;
constexpr size_t kMaxDictionaryBytes = size_t{64} << 20;

// What changes the computation where it is set to something.
constexpr const char* kUnsupported[] = {"no_token_positional_embeddings",
                                        "layernorm_embedding",
                                        "adaptive_softmax_cutoff",
                                        "adaptive_input",
                                        "no_cross_attention",
                                        "cross_self_attention",
                                        "character_embeddings",
                                        "base_layers"};

// As norms were called before 0.6: layer_norms.N.
const std::vector<std::string>& NormsOf(const std::string& stack) {
  static const auto* const encoder =
      new std::vector<std::string>{"self_attn_layer_norm", "final_layer_norm"};
  static const auto* const decoder = new std::vector<std::string>{
      "self_attn_layer_norm", "encoder_attn_layer_norm", "final_layer_norm"};
  return stack == "encoder" ? *encoder : *decoder;
}

// Reads the architecture off settings and tensors, and our names of these.
class Reader {
 public:
  Reader(const TorchFile& file, const Settings& settings)
      : file_(file), settings_(settings), names_(file) {}

  absl::Status Read() {
    PEREGRINE_RETURN_IF_ERROR(RefuseOthers());
    PEREGRINE_RETURN_IF_ERROR(ReadCommon());
    PEREGRINE_RETURN_IF_ERROR(ReadTables());
    PEREGRINE_RETURN_IF_ERROR(ReadStack("encoder", architecture_.encoder));
    PEREGRINE_RETURN_IF_ERROR(ReadStack("decoder", architecture_.decoder));
    PEREGRINE_RETURN_IF_ERROR(ReadPositions());
    PEREGRINE_RETURN_IF_ERROR(ReadFinalNorms());
    return ReadOutput();
  }

  const ArchitectureConfig& architecture() const { return architecture_; }

  TensorNames& names() { return names_; }

 private:
  absl::Status RefuseOthers() const {
    const std::string name =
        settings_.Text("arch", settings_.Text("_name", "transformer"));
    const std::vector<std::string> words = absl::StrSplit(name, '_');
    if (!absl::StartsWith(name, "transformer") ||
        std::find(words.begin(), words.end(), "lm") != words.end()) {
      return settings_.Error(settings_.Has("arch") ? "arch" : "_name",
                             "a transformer for translation");
    }
    for (const char* field : kUnsupported) {
      if (settings_.IsTrue(field)) {
        return settings_.Error(field, "none, the only value that is supported");
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadCommon() {
    const bool pre = settings_.IsTrue("encoder_normalize_before");
    if (settings_.IsTrue("decoder_normalize_before") != pre) {
      return settings_.Error("decoder_normalize_before",
                             "the same as encoder_normalize_before");
    }
    architecture_.norm =
        pre ? model::NormPlacement::kPre : model::NormPlacement::kPost;
    const std::string activation = settings_.Text("activation_fn", "relu");
    if (activation == "relu") {
      architecture_.activation = Activation::kRelu;
    } else if (activation == "gelu") {
      architecture_.activation = Activation::kGelu;
    } else if (activation == "swish") {
      architecture_.activation = Activation::kSwish;
    } else {
      return settings_.Error("activation_fn", "relu, gelu or swish");
    }
    architecture_.scale_embeddings = !settings_.IsTrue("no_scale_embedding");
    architecture_.share_embeddings = settings_.IsTrue("share_all_embeddings");
    return absl::OkStatus();
  }

  absl::Status ReadTables() {
    const std::string encoder = "encoder.embed_tokens.weight";
    const std::string decoder = "decoder.embed_tokens.weight";
    PEREGRINE_ASSIGN_OR_RETURN(const auto source, names_.MatrixShape(encoder));
    PEREGRINE_ASSIGN_OR_RETURN(const auto target, names_.MatrixShape(decoder));
    architecture_.source_vocab_size = static_cast<int>(source[0]);
    architecture_.target_vocab_size = static_cast<int>(target[0]);
    architecture_.encoder.model_dim = static_cast<int>(source[1]);
    architecture_.decoder.model_dim = static_cast<int>(target[1]);
    names_.Add("encoder.embedding", {encoder});
    names_.Add("decoder.embedding", {decoder});
    if (!architecture_.share_embeddings) return absl::OkStatus();
    if (!file_.IsSame(encoder, file_, decoder)) {
      return settings_.Error(
          "share_all_embeddings",
          "False, as the embed_tokens.weight of encoder and decoder differ");
    }
    names_.Ignore(decoder);
    return absl::OkStatus();
  }

  // ---- Layers

  absl::Status ReadStack(const std::string& name, StackConfig& stack) {
    const int heads = settings_.Int(absl::StrCat(name, "_attention_heads"), 0);
    if (heads < 1 || stack.model_dim % heads != 0) {
      return settings_.Error(absl::StrCat(name, "_attention_heads"),
                             absl::StrCat("a divisor of ", stack.model_dim));
    }
    // A single head keeps the width that each of several had.
    stack.head_dim = stack.model_dim / heads;
    int width = 0;
    while (stack.num_layers < kMaxLayers &&
           file_.Has(absl::StrCat(name, ".layers.", stack.num_layers,
                                  ".self_attn.out_proj.weight"))) {
      PEREGRINE_RETURN_IF_ERROR(ReadLayer(name, stack, width));
      ++stack.num_layers;
    }
    const int expected =
        settings_.Int(absl::StrCat(name, "_layers"), stack.num_layers);
    // The paper's converted checkpoints keep the settings of the larger model.
    if (stack.num_layers == 0 ||
        (stack.num_layers > expected && name == "decoder")) {
      return settings_.Error(
          absl::StrCat(name, "_layers"),
          absl::StrCat(stack.num_layers, ", as there are tensors for"));
    }
    if (width % stack.head_dim != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(file_.path(), ": width of ", name, " attention: found ",
                       width, ", expected a multiple of ", stack.head_dim));
    }
    stack.num_heads = width / stack.head_dim;
    return absl::OkStatus();
  }

  absl::Status ReadLayer(const std::string& name, StackConfig& stack,
                         int& width) {
    const std::string prefix =
        absl::StrCat(name, ".layers.", stack.num_layers, ".");
    PEREGRINE_ASSIGN_OR_RETURN(
        int layer_width,
        AddAttention(name, prefix, "self_attn", "self_attention."));
    if (name == "decoder") {
      PEREGRINE_ASSIGN_OR_RETURN(
          const int cross,
          AddAttention(name, prefix, "encoder_attn", "cross_attention."));
      if (cross != layer_width) layer_width = -1;
    } else {
      // Copies that fairseq 0.12 keeps for a faster encoder.
      for (const char* copy : {"in_proj", "out_proj", "fc1", "fc2"}) {
        names_.Ignore(absl::StrCat(prefix, copy, "_weight"));
        names_.Ignore(absl::StrCat(prefix, copy, "_bias"));
      }
    }
    int ffn_dim = 0;
    if (file_.Has(prefix + "fc1.weight")) {
      PEREGRINE_ASSIGN_OR_RETURN(const auto fc1,
                                 names_.MatrixShape(prefix + "fc1.weight"));
      ffn_dim = static_cast<int>(fc1[0]);
      names_.AddLinear(prefix + "ffn.inner", prefix + "fc1");
      names_.AddLinear(prefix + "ffn.outer", prefix + "fc2");
      AddNorm(prefix + "ffn.norm", name, prefix, "final_layer_norm");
    } else {
      // It has a norm, but nobody calls it.
      const std::string norm = NormName(name, prefix, "final_layer_norm");
      names_.Ignore(norm + ".weight");
      names_.Ignore(norm + ".bias");
    }
    const bool is_first = stack.num_layers == 0;
    if (layer_width < 1 ||
        (!is_first && (layer_width != width || ffn_dim != stack.ffn_dim))) {
      return absl::UnimplementedError(absl::StrCat(
          file_.path(), ": ", prefix,
          ": found another width than elsewhere, expected layers of one "
          "shape"));
    }
    width = layer_width;
    stack.ffn_dim = ffn_dim;
    return absl::OkStatus();
  }

  std::string NormName(const std::string& stack, const std::string& prefix,
                       const std::string& norm) const {
    if (file_.Has(absl::StrCat(prefix, norm, ".weight"))) return prefix + norm;
    const std::vector<std::string>& norms = NormsOf(stack);
    const auto place = std::find(norms.begin(), norms.end(), norm);
    const std::string old =
        absl::StrCat(prefix, "layer_norms.", place - norms.begin());
    return file_.Has(old + ".weight") ? old : prefix + norm;
  }

  void AddNorm(const std::string& ours, const std::string& stack,
               const std::string& prefix, const std::string& norm) {
    names_.AddLinear(ours, NormName(stack, prefix, norm));
  }

  // Returns the width of all heads.
  absl::StatusOr<int> AddAttention(const std::string& stack,
                                   const std::string& prefix,
                                   const std::string& theirs,
                                   const std::string& ours) {
    const char* const names[] = {"query", "key", "value"};
    const std::string one = absl::StrCat(prefix, theirs, ".in_proj_");
    int64_t width = 0;
    if (file_.Has(one + "weight")) {  // until 0.8
      PEREGRINE_ASSIGN_OR_RETURN(const auto shape,
                                 names_.MatrixShape(one + "weight"));
      if (shape[0] % 3 != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat(file_.path(), ": tensor ", one, "weight: found shape ",
                         model::ShapeString(shape),
                         ", expected three matrices of one "
                         "size"));
      }
      width = shape[0] / 3;
      for (int part = 0; part < 3; ++part) {
        const std::string name = absl::StrCat(prefix, ours, names[part]);
        names_.Add(name + ".weight", {one + "weight", part, 3});
        names_.Add(name + ".bias", {one + "bias", part, 3});
      }
    } else {
      for (const char* name : names) {
        names_.AddLinear(absl::StrCat(prefix, ours, name),
                         absl::StrCat(prefix, theirs, ".",
                                      std::string(1, name[0]), "_proj"));
      }
      PEREGRINE_ASSIGN_OR_RETURN(
          const auto shape,
          names_.MatrixShape(absl::StrCat(prefix, theirs, ".q_proj.weight")));
      width = shape[0];
    }
    names_.AddLinear(absl::StrCat(prefix, ours, "output"),
                     absl::StrCat(prefix, theirs, ".out_proj"));
    AddNorm(absl::StrCat(prefix, ours, "norm"), stack, prefix,
            theirs + "_layer_norm");
    return static_cast<int>(width);
  }

  absl::Status ReadFinalNorms() {
    for (const char* stack : {"encoder", "decoder"}) {
      names_.Ignore(absl::StrCat(stack, ".version"));
    }
    if (architecture_.norm == model::NormPlacement::kPost) {
      return absl::OkStatus();
    }
    const bool encoder = file_.Has("encoder.layer_norm.weight");
    if (encoder != file_.Has("decoder.layer_norm.weight")) {
      return absl::UnimplementedError(
          absl::StrCat(file_.path(),
                       ": layer_norm.weight: found one stack to end with a "
                       "norm, expected both or none"));
    }
    architecture_.final_norm = encoder;
    if (!encoder) return absl::OkStatus();
    names_.AddLinear("encoder.norm", "encoder.layer_norm");
    names_.AddLinear("decoder.norm", "decoder.layer_norm");
    return absl::OkStatus();
  }

  // ---- Embeddings

  absl::Status ReadPositions() {
    const bool learned = settings_.IsTrue("encoder_learned_pos");
    if (settings_.IsTrue("decoder_learned_pos") != learned) {
      return settings_.Error("decoder_learned_pos",
                             "the same as encoder_learned_pos");
    }
    architecture_.position_offset = kPositionOffset;
    for (const char* stack : {"encoder", "decoder"}) {
      const std::string positions = absl::StrCat(stack, ".embed_positions.");
      names_.Ignore(positions + "_float_tensor");
      names_.Ignore(positions + "weights");
    }
    if (!learned) {
      architecture_.positions = PositionEncoding::kSinusoidalConcatenated;
      architecture_.max_positions =
          kPositionOffset +
          std::min(settings_.Int("max_source_positions", kUsualPositions),
                   settings_.Int("max_target_positions", kUsualPositions));
      return absl::OkStatus();
    }
    architecture_.positions = PositionEncoding::kLearned;
    int64_t rows[2] = {0, 0};
    for (int side = 0; side < 2; ++side) {
      const std::string stack = side == 0 ? "encoder" : "decoder";
      const std::string name = stack + ".embed_positions.weight";
      PEREGRINE_ASSIGN_OR_RETURN(const auto shape, names_.MatrixShape(name));
      names_.Add(stack + ".positions", {name});
      rows[side] = shape[0];
    }
    if (rows[0] != rows[1]) {
      return absl::UnimplementedError(absl::StrCat(
          file_.path(), ": embed_positions.weight: found ", rows[0], " and ",
          rows[1], " rows, expected equally many"));
    }
    architecture_.max_positions = static_cast<int>(rows[0]);
    return absl::OkStatus();
  }

  absl::Status ReadOutput() {
    const std::string projection = "decoder.output_projection.weight";
    if (architecture_.share_embeddings ||
        settings_.IsTrue("share_decoder_input_output_embed")) {
      architecture_.output = OutputProjection::kTied;
      names_.Ignore(projection);
      return absl::OkStatus();
    }
    names_.Add(
        "output.weight",
        {file_.Has("decoder.embed_out") ? "decoder.embed_out" : projection});
    // The Mini-Decoder Network's.
    const std::string factor = "decoder.embed_out_r";
    architecture_.output = OutputProjection::kSeparate;
    if (!file_.Has(factor)) return absl::OkStatus();
    PEREGRINE_ASSIGN_OR_RETURN(const auto shape, names_.MatrixShape(factor));
    architecture_.output = OutputProjection::kFactorized;
    architecture_.output_rank = static_cast<int>(shape[0]);
    names_.Add("output.factor.weight", {factor});
    return absl::OkStatus();
  }

  const TorchFile& file_;
  const Settings& settings_;
  ArchitectureConfig architecture_;
  TensorNames names_;
};

// dict.LANGUAGE.txt: a token and its count a line.
absl::StatusOr<std::vector<std::string>> ReadDictionary(const std::string& path,
                                                        int vocab_size) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string content,
      ReadFile(path, kMaxDictionaryBytes, "a dictionary of fairseq"));
  std::vector<std::string> pieces(std::begin(kSpecials), std::end(kSpecials));
  int number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    if (line.empty()) continue;
    absl::ConsumeSuffix(&line, " #fairseq:overwrite");
    const size_t space = line.rfind(' ');
    int64_t count = 0;
    if (space == absl::string_view::npos ||
        !absl::SimpleAtoi(line.substr(space + 1), &count)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": line ", number,
          ": found no token and its count, expected them with a space "
          "between"));
    }
    pieces.emplace_back(line.substr(0, space));
  }
  if (pieces.size() == static_cast<size_t>(vocab_size)) return pieces;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": found ", pieces.size(),
                   " tokens with those of fairseq, "
                   "expected the ",
                   vocab_size, " rows of the embedding"));
}

absl::Status ReadDictionaries(const std::string& directory,
                              Checkpoint& checkpoint) {
  const model::ModelConfig& model = checkpoint.config;
  const auto path = [&](const std::string& language) {
    return absl::StrCat(directory, "/dict.", language, ".txt");
  };
  const std::string source = path(model.source_language);
  const std::string target = path(model.target_language);
  if (!FileExists(source) && !FileExists(target)) return absl::OkStatus();
  PEREGRINE_ASSIGN_OR_RETURN(
      auto source_pieces,
      ReadDictionary(source, model.architecture.source_vocab_size));
  PEREGRINE_ASSIGN_OR_RETURN(
      auto target_pieces,
      ReadDictionary(target, model.architecture.target_vocab_size));
  return MakeTokenizers(directory, std::move(source_pieces),
                        std::move(target_pieces), checkpoint);
}

}  // namespace

absl::StatusOr<Checkpoint> OpenFairseq(std::unique_ptr<TorchFile> file,
                                       const std::string& directory) {
  const Settings all(file->content(), file->path());
  const Settings config = all.At("cfg");
  const bool has_args = !all.At("args").empty();
  const Settings settings = has_args ? all.At("args") : config.At("model");
  const Settings task = has_args ? all.At("args") : config.At("task");
  if (settings.empty()) {
    return absl::UnimplementedError(
        absl::StrCat(file->path(),
                     ": found neither args nor cfg.model, expected the "
                     "settings of the model"));
  }
  if (task.IsTrue("langs")) {
    return task.Error("langs",
                      "a model of one pair; peregrine convert makes a model "
                      "directory of one of several languages");
  }
  Reader reader(*file, settings);
  PEREGRINE_RETURN_IF_ERROR(reader.Read());
  Checkpoint checkpoint;
  checkpoint.format = "fairseq checkpoint";
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory);
  model.architecture = reader.architecture();
  // As fairseq names them; the dictionaries have these names, too.
  for (const Settings& from : {settings, task}) {
    if (model.source_language.empty()) {
      model.source_language = from.Text("source_lang", "");
      model.target_language = from.Text("target_lang", "");
    }
  }
  model.tokens.pad = kPad;
  model.tokens.bos = kBos;
  model.tokens.eos = kEos;
  model.tokens.unk = kUnk;
  model.tokens.decoder_start = kEos;
  model.tokens.source_suffix = {kEos};
  // What fairseq-generate does unless it is told otherwise.
  model.decoding.beam_size = 5;
  model.decoding.length_penalty = 1.0f;
  model.decoding.max_length_factor = 0.0f;
  model.decoding.max_length_offset = 200;
  model.decoding.min_length = 1;
  model.decoding.suppressed_tokens = {kPad};
  PEREGRINE_RETURN_IF_ERROR(ReadDictionaries(directory, checkpoint));
  model.source_language = LanguageTag(model.source_language);
  model.target_language = LanguageTag(model.target_language);
  checkpoint.tensors = std::move(reader.names()).Rename(std::move(file));
  return checkpoint;
}

}  // namespace peregrine::formats
