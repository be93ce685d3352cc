#include "engine/formats/ctranslate2/ctranslate2.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "engine/formats/limits.h"
#include "engine/formats/renamed_tensors.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/vocabulary_tokenizer.h"

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

// ---- Architecture

// Reads the architecture off the variables of the file, whose shapes and
// attributes are all that says what it is.
class ArchitectureReader {
 public:
  ArchitectureReader(CTranslate2File& file, ArchitectureConfig& architecture)
      : file_(file), architecture_(architecture) {}

  absl::Status Read() {
    PEREGRINE_RETURN_IF_ERROR(CheckSpecification());
    PEREGRINE_RETURN_IF_ERROR(ReadStack("encoder", architecture_.encoder,
                                        architecture_.source_vocab_size));
    PEREGRINE_RETURN_IF_ERROR(ReadStack("decoder", architecture_.decoder,
                                        architecture_.target_vocab_size));
    PEREGRINE_RETURN_IF_ERROR(ReadCommon());
    PEREGRINE_RETURN_IF_ERROR(ReadPositions());
    ReadOutput();
    return PassOverNeutralAttributes();
  }

  const std::string& source_embedding() const { return source_embedding_; }

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
      source_embedding_ = embedding;
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
    const double heads = Attribute(name, "num_heads").value_or(default_heads_);
    if (!(heads >= 1) || heads > kMaxDim ||
        stack.model_dim % static_cast<int>(heads) != 0 ||
        stack.model_dim % 2 != 0 || stack.ffn_dim > kMaxDim) {
      return absl::InvalidArgumentError(absl::StrCat(
          file_.path(), ": found ", name, "/num_heads ", heads,
          " at a width of ", stack.model_dim, " and a feed-forward width of ",
          stack.ffn_dim,
          ", expected an even width that the heads divide, and at most ",
          kMaxDim));
    }
    stack.num_heads = static_cast<int>(heads);
    stack.head_dim = stack.model_dim / stack.num_heads;
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
    if (activation == 0) {
      architecture_.activation = kernels::Activation::kRelu;
    } else if (activation == 2) {
      architecture_.activation = kernels::Activation::kSwish;
    } else if (activation == 3) {
      architecture_.activation = kernels::Activation::kGelu;
    } else {
      return Unsupported(
          absl::StrCat("activation: found ", activation,
                       ", expected 0 (ReLU), 2 (Swish) or 3 (GELU)"));
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

  absl::Status ReadPositions() {
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
    const std::string source = file_.Resolve(source_embedding_);
    const std::string target = file_.Resolve("decoder/embeddings/weight");
    architecture_.share_embeddings = source == target;
    architecture_.output = file_.Resolve("decoder/projection/weight") == target
                               ? OutputProjection::kTied
                               : OutputProjection::kSeparate;
    architecture_.output_bias = file_.Has("decoder/projection/bias");
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
      for (const char* zero :
           {"alibi", "scale_alibi", "sliding_window",
            "start_from_zero_embedding", "multi_query_attention"}) {
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
  ArchitectureConfig& architecture_;
  int default_heads_ = 8;
  std::string source_embedding_;
};

// ---- Tensors

class Names {
 public:
  explicit Names(const CTranslate2File& file) : file_(file) {}

  // A linear layer of `width` outputs, part of `parts` that are one in the
  // file. A bias that the file lacks is zero.
  void AddLinear(const std::string& ours, const std::string& theirs, int width,
                 int part = 0, int parts = 1) {
    table_[ours + ".weight"] = {theirs + "/weight", part, parts};
    if (file_.Has(theirs + "/bias")) {
      table_[ours + ".bias"] = {theirs + "/bias", part, parts};
    } else {
      zeros_.emplace_back(ours + ".bias", width);
    }
  }

  void AddNorm(const std::string& ours, const std::string& theirs) {
    table_[ours + ".weight"] = {theirs + "/gamma"};
    table_[ours + ".bias"] = {theirs + "/beta"};
  }

  void AddLayer(const std::string& ours, const std::string& theirs,
                const model::StackConfig& stack, bool is_decoder) {
    const int width = stack.heads().width();
    const std::string self = ours + "self_attention.";
    AddNorm(self + "norm", theirs + "self_attention/layer_norm");
    AddLinear(self + "query", theirs + "self_attention/linear_0", width, 0, 3);
    AddLinear(self + "key", theirs + "self_attention/linear_0", width, 1, 3);
    AddLinear(self + "value", theirs + "self_attention/linear_0", width, 2, 3);
    AddLinear(self + "output", theirs + "self_attention/linear_1",
              stack.model_dim);
    if (is_decoder) {
      const std::string cross = ours + "cross_attention.";
      AddNorm(cross + "norm", theirs + "attention/layer_norm");
      AddLinear(cross + "query", theirs + "attention/linear_0", width);
      AddLinear(cross + "key", theirs + "attention/linear_1", width, 0, 2);
      AddLinear(cross + "value", theirs + "attention/linear_1", width, 1, 2);
      AddLinear(cross + "output", theirs + "attention/linear_2",
                stack.model_dim);
    }
    AddNorm(ours + "ffn.norm", theirs + "ffn/layer_norm");
    AddLinear(ours + "ffn.inner", theirs + "ffn/linear_0", stack.ffn_dim);
    AddLinear(ours + "ffn.outer", theirs + "ffn/linear_1", stack.model_dim);
  }

  void AddStack(const std::string& stack, const model::StackConfig& config) {
    for (int n = 0; n < config.num_layers; ++n) {
      AddLayer(absl::StrCat(stack, ".layers.", n, "."),
               absl::StrCat(stack, "/layer_", n, "/"), config,
               stack == "decoder");
    }
    AddNorm(stack + ".norm", stack + "/layer_norm");
    table_[stack + ".positions"] = {stack + "/position_encodings/encodings"};
  }

  void Add(const std::string& ours, const std::string& theirs) {
    table_[ours] = {theirs};
  }

  std::unique_ptr<model::TensorSource> Apply(
      std::unique_ptr<CTranslate2File> file) && {
    auto tensors =
        std::make_unique<RenamedTensors>(std::move(file), std::move(table_));
    for (const auto& [name, size] : zeros_) {
      tensors->Supply(name, std::vector<float>(size, 0.0f));
    }
    return tensors;
  }

 private:
  const CTranslate2File& file_;
  RenamedTensors::Table table_;
  std::vector<std::pair<std::string, int>> zeros_;
};

std::unique_ptr<model::TensorSource> Rename(
    std::unique_ptr<CTranslate2File> file, const std::string& source_embedding,
    const ArchitectureConfig& architecture) {
  Names names(*file);
  names.AddStack("encoder", architecture.encoder);
  names.AddStack("decoder", architecture.decoder);
  names.Add("encoder.embedding", source_embedding);
  names.Add("decoder.embedding", "decoder/embeddings/weight");
  names.Add("output.weight", "decoder/projection/weight");
  names.Add("output.bias", "decoder/projection/bias");
  return std::move(names).Apply(std::move(file));
}

// ---- Tokens

// config.json, or before version 6 attributes of model.bin.
struct TokenSettings {
  std::string unk = "<unk>";
  std::string bos = "<s>";
  std::string eos = "</s>";
  std::string decoder_start = "<s>";
  bool add_source_bos = false;
  bool add_source_eos = false;
};

absl::StatusOr<TokenSettings> ReadTokenSettings(const std::string& directory,
                                                CTranslate2File& file) {
  TokenSettings settings;
  const auto flag = [&](const char* name, bool absent) {
    return file.Scalar(name).value_or(absent ? 1 : 0) != 0;
  };
  settings.unk = file.Text("unk_token").value_or(settings.unk);
  settings.bos = file.Text("bos_token").value_or(settings.bos);
  settings.eos = file.Text("eos_token").value_or(settings.eos);
  settings.add_source_bos = flag("with_source_bos", false);
  settings.add_source_eos = flag("with_source_eos", false);
  settings.decoder_start =
      flag("with_target_bos", true) ? settings.bos : settings.eos;
  const bool user_start = flag("user_decoder_start_tokens", false);
  const std::string path = directory + "/config.json";
  if (file.version() < 6 || !FileExists(path)) {
    if (user_start) {
      return absl::UnimplementedError(
          absl::StrCat(file.path(),
                       ": user_decoder_start_tokens: found 1, expected 0: "
                       "requests cannot say with which token to start"));
    }
    return settings;
  }
  PEREGRINE_ASSIGN_OR_RETURN(const Json json,
                             ReadJson(path, kMaxConfigBytes, "a config.json"));
  if (json.is_object() && json.contains("decoder_start_token") &&
      json["decoder_start_token"].is_null()) {
    return absl::UnimplementedError(absl::StrCat(
        path,
        ": decoder_start_token: found null, expected a token: requests cannot "
        "say with which one to start"));
  }
  JsonObjectReader reader(json, path, "");
  settings.unk = reader.String("unk_token", settings.unk);
  settings.bos = reader.String("bos_token", settings.bos);
  settings.eos = reader.String("eos_token", settings.eos);
  settings.decoder_start =
      reader.String("decoder_start_token", settings.decoder_start);
  settings.add_source_bos =
      reader.Bool("add_source_bos", settings.add_source_bos);
  settings.add_source_eos =
      reader.Bool("add_source_eos", settings.add_source_eos);
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  return settings;
}

float ReadEpsilon(const std::string& directory, float absent) {
  const auto json =
      ReadJson(directory + "/config.json", kMaxConfigBytes, "a config.json");
  if (!json.ok() || !json->is_object() ||
      !json->contains("layer_norm_epsilon")) {
    return absent;
  }
  const Json& value = (*json)["layer_norm_epsilon"];
  return value.is_number() ? value.get<float>() : absent;
}

// The file NAME.json or NAME.txt; empty where there is neither.
std::string VocabularyPath(const std::string& directory, const char* name) {
  for (const char* extension : {".json", ".txt"}) {
    std::string path = absl::StrCat(directory, "/", name, extension);
    if (FileExists(path)) return path;
  }
  return "";
}

absl::StatusOr<std::shared_ptr<const text::Vocabulary>> LoadVocabulary(
    const std::string& path, int vocab_size, const TokenSettings& settings) {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<std::string> pieces,
                             ReadVocabularyList(path));
  // As the library does, where the file has none.
  if (std::find(pieces.begin(), pieces.end(), settings.unk) == pieces.end()) {
    pieces.push_back(settings.unk);
  }
  if (pieces.size() > static_cast<size_t>(vocab_size)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found ", pieces.size(), " pieces with ", settings.unk,
        ", expected at most the ", vocab_size, " rows of the embedding"));
  }
  pieces.resize(vocab_size);
  const auto find = [&](const std::string& piece) {
    const auto found = std::find(pieces.begin(), pieces.end(), piece);
    return static_cast<int32_t>(found == pieces.end() ? -1
                                                      : found - pieces.begin());
  };
  const int32_t unk = find(settings.unk);
  absl::flat_hash_set<int32_t> silent{find(settings.bos), find(settings.eos)};
  return std::make_shared<const text::Vocabulary>(std::move(pieces), unk,
                                                  std::move(silent));
}

struct Vocabularies {
  std::shared_ptr<const text::Vocabulary> source;
  std::shared_ptr<const text::Vocabulary> target;
  std::string source_path;
  std::string target_path;
};

absl::StatusOr<Vocabularies> LoadVocabularies(
    const std::string& directory, const ArchitectureConfig& architecture,
    const TokenSettings& settings) {
  Vocabularies result;
  const std::string shared = VocabularyPath(directory, "shared_vocabulary");
  result.source_path =
      shared.empty() ? VocabularyPath(directory, "source_vocabulary") : shared;
  result.target_path =
      shared.empty() ? VocabularyPath(directory, "target_vocabulary") : shared;
  for (const auto& [path, name] :
       {std::make_pair(result.source_path, "source_vocabulary"),
        std::make_pair(result.target_path, "target_vocabulary")}) {
    if (path.empty()) {
      return absl::NotFoundError(absl::StrCat(
          directory, "/", name,
          ".json: no such file, expected it, or the same as .txt, or "
          "shared_vocabulary for both sides"));
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      result.source, LoadVocabulary(result.source_path,
                                    architecture.source_vocab_size, settings));
  PEREGRINE_ASSIGN_OR_RETURN(
      result.target, LoadVocabulary(result.target_path,
                                    architecture.target_vocab_size, settings));
  return result;
}

absl::Status ReadTokens(const TokenSettings& settings,
                        const Vocabularies& vocabularies,
                        model::TokenConfig& tokens) {
  absl::Status status;
  const auto id = [&](const text::Vocabulary& vocabulary,
                      const std::string& path, const std::string& piece) {
    const auto found = vocabulary.id(piece);
    if (!found.has_value() && status.ok()) {
      status = absl::InvalidArgumentError(
          absl::StrCat(path, ": found no token \"", piece,
                       "\", expected it as the model's"));
    }
    return found.value_or(0);
  };
  const text::Vocabulary& target = *vocabularies.target;
  tokens.unk = vocabularies.source->unk_id();
  tokens.eos = id(target, vocabularies.target_path, settings.eos);
  tokens.decoder_start =
      id(target, vocabularies.target_path, settings.decoder_start);
  tokens.bos = target.id(settings.bos).value_or(tokens.decoder_start);
  tokens.pad = tokens.bos;  // there is no padding
  if (settings.add_source_bos) {
    tokens.source_prefix = {
        id(*vocabularies.source, vocabularies.source_path, settings.bos)};
  }
  if (settings.add_source_eos) {
    tokens.source_suffix = {
        id(*vocabularies.source, vocabularies.source_path, settings.eos)};
  }
  return status;
}

// The first of `names` that is there; null where none is.
absl::StatusOr<std::shared_ptr<const text::SentencePieceModel>> LoadSplitter(
    const std::string& directory, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const std::string path = absl::StrCat(directory, "/", name);
    if (!FileExists(path)) continue;
    PEREGRINE_ASSIGN_OR_RETURN(
        std::shared_ptr<const text::SentencePieceModel> splitter,
        text::SentencePieceModel::Load(path));
    return splitter;
  }
  return std::shared_ptr<const text::SentencePieceModel>();
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCTranslate2(const std::string& directory) {
  PEREGRINE_ASSIGN_OR_RETURN(auto file,
                             CTranslate2File::Open(directory + "/model.bin"));
  Checkpoint checkpoint;
  checkpoint.format =
      absl::StrCat("CTranslate2, version ", file->version(), " of the file");
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory);
  model.source_language = model.target_language = LanguageTag("");
  ArchitectureReader architecture(*file, model.architecture);
  PEREGRINE_RETURN_IF_ERROR(architecture.Read());
  model.architecture.layer_norm_epsilon =
      ReadEpsilon(directory, model.architecture.layer_norm_epsilon);

  PEREGRINE_ASSIGN_OR_RETURN(const TokenSettings settings,
                             ReadTokenSettings(directory, *file));
  PEREGRINE_ASSIGN_OR_RETURN(
      const Vocabularies vocabularies,
      LoadVocabularies(directory, model.architecture, settings));
  PEREGRINE_RETURN_IF_ERROR(ReadTokens(settings, vocabularies, model.tokens));
  PEREGRINE_ASSIGN_OR_RETURN(
      auto source_splitter,
      LoadSplitter(directory, {"source.spm", "sentencepiece.model",
                               "sentencepiece.bpe.model", "spm.model"}));
  PEREGRINE_ASSIGN_OR_RETURN(
      auto target_splitter,
      LoadSplitter(directory, {"target.spm", "sentencepiece.model",
                               "sentencepiece.bpe.model", "spm.model"}));
  checkpoint.source_tokenizer = std::make_shared<text::VocabularyTokenizer>(
      vocabularies.source, source_splitter);
  checkpoint.target_tokenizer = std::make_shared<text::VocabularyTokenizer>(
      vocabularies.target, target_splitter);

  // What the library decodes with unless it is told otherwise.
  model.decoding.beam_size = 2;
  model.decoding.length_penalty = 1.0f;
  model.decoding.max_length_factor = 0.0f;
  model.decoding.max_length_offset = 256;
  model.decoding.rules.stopping = model::Stopping::kBestFinished;
  model.decoding.rules.length_limit = model::LengthLimit::kCut;
  model.decoding.min_length = 1;
  model.decoding.rules.renormalize_min_length = true;
  checkpoint.tensors = Rename(std::move(file), architecture.source_embedding(),
                              model.architecture);
  return checkpoint;
}

}  // namespace peregrine::formats
