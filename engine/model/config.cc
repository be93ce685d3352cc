#include "engine/model/config.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDim = 1 << 16;
constexpr int kMaxVocab = 1 << 22;
constexpr int kMaxLayers = 1024;
constexpr int kMaxPositions = 1 << 16;
constexpr size_t kMaxFileBytes = 1 << 20;

// Reads the fields of one JSON object, remembers the first error and which
// fields were asked for, so that the parsing code reads like the format.
class ObjectReader {
 public:
  ObjectReader(const Json& object, std::string file, std::string prefix)
      : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {
    if (!object_.is_object()) {
      Fail(absl::StrCat(prefix_.empty() ? "the file" : prefix_,
                        ": expected a JSON object"));
    }
  }

  int Int(const char* name, int min, int max) {
    const Json* value = Find(name, /*required=*/true);
    return value ? ToInt(*value, name, min, max) : min;
  }

  int Int(const char* name, int min, int max, int absent) {
    const Json* value = Find(name, /*required=*/false);
    return value ? ToInt(*value, name, min, max) : absent;
  }

  float Float(const char* name, float min, float max) {
    const Json* value = Find(name, /*required=*/true);
    return value ? ToFloat(*value, name, min, max) : min;
  }

  float Float(const char* name, float min, float max, float absent) {
    const Json* value = Find(name, /*required=*/false);
    return value ? ToFloat(*value, name, min, max) : absent;
  }

  bool Bool(const char* name) {
    const Json* value = Find(name, /*required=*/true);
    if (value == nullptr) return false;
    if (!value->is_boolean()) FailField(name, *value, "true or false");
    return value->is_boolean() && value->get<bool>();
  }

  std::string String(const char* name) {
    const Json* value = Find(name, /*required=*/true);
    if (value == nullptr) return "";
    if (value->is_string() && !value->get<std::string>().empty()) {
      return value->get<std::string>();
    }
    FailField(name, *value, "a string that is not empty");
    return "";
  }

  // One of the names of `values`.
  template <typename Enum>
  Enum Choice(const char* name,
              std::initializer_list<std::pair<const char*, Enum>> values) {
    const Json* value = Find(name, /*required=*/true);
    if (value == nullptr) return values.begin()->second;
    for (const auto& [spelling, choice] : values) {
      if (*value == spelling) return choice;
    }
    FailField(
        name, *value,
        absl::StrJoin(values, ", ", [](std::string* out, const auto& choice) {
          absl::StrAppend(out, "\"", choice.first, "\"");
        }));
    return values.begin()->second;
  }

  std::vector<int32_t> Ids(const char* name, int vocab_size,
                           std::vector<int32_t> absent, bool required) {
    const Json* value = Find(name, required);
    if (value == nullptr) return absent;
    std::vector<int32_t> ids;
    if (!value->is_array()) {
      FailField(name, *value, "an array of token ids");
      return ids;
    }
    for (const Json& element : *value) {
      ids.push_back(ToInt(element, name, 0, vocab_size - 1));
    }
    return ids;
  }

  bool Has(const char* name) const {
    return object_.is_object() && object_.contains(name);
  }

  // A reader that starts with the errors of this one.
  ObjectReader Object(const char* name) {
    const Json* value = Find(name, /*required=*/true);
    static const Json* const kEmpty = new Json(Json::object());
    ObjectReader reader(value ? *value : *kEmpty, file_, Path(name));
    if (!status_.ok()) reader.status_ = status_;
    return reader;
  }

  void FailField(const char* name, absl::string_view message) {
    Fail(absl::StrCat(Path(name), ": ", message));
  }

  // The first error, or one for fields that nothing asked for.
  absl::Status Finish() {
    if (!status_.ok() || !object_.is_object()) return status_;
    for (const auto& [name, value] : object_.items()) {
      if (asked_.count(name) == 0) {
        Fail(absl::StrCat(Path(name), ": unknown field, expected one of ",
                          absl::StrJoin(asked_, ", ")));
        break;
      }
    }
    return status_;
  }

 private:
  std::string Path(absl::string_view name) const {
    return prefix_.empty() ? std::string(name)
                           : absl::StrCat(prefix_, ".", name);
  }

  void Fail(absl::string_view message) {
    if (status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat(file_, ": ", message));
    }
  }

  void FailField(const char* name, const Json& found,
                 absl::string_view expected) {
    std::string text =
        found.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > 80) text = text.substr(0, 77) + "...";
    Fail(absl::StrCat(Path(name), ": found ", text, ", expected ", expected));
  }

  const Json* Find(const char* name, bool required) {
    asked_.insert(name);
    if (Has(name)) return &object_[name];
    if (required) Fail(absl::StrCat(Path(name), ": missing"));
    return nullptr;
  }

  int ToInt(const Json& value, const char* name, int min, int max) {
    if (value.is_number_integer()) {
      const bool fits = value.is_number_unsigned()
                            ? value.get<uint64_t>() <= uint64_t{1} << 62
                            : true;
      const int64_t number = fits ? value.get<int64_t>() : -1;
      if (fits && number >= min && number <= max)
        return static_cast<int>(number);
    }
    FailField(name, value, absl::StrCat("an integer from ", min, " to ", max));
    return min;
  }

  float ToFloat(const Json& value, const char* name, float min, float max) {
    if (value.is_number()) {
      const double number = value.get<double>();
      if (number >= min && number <= max) return static_cast<float>(number);
    }
    FailField(name, value, absl::StrCat("a number from ", min, " to ", max));
    return min;
  }

  const Json& object_;
  const std::string file_;
  const std::string prefix_;
  std::set<std::string> asked_;
  absl::Status status_;
};

void ReadStack(bool is_decoder, ObjectReader& reader, StackConfig& stack) {
  stack.num_layers = reader.Int("num_layers", 1, kMaxLayers);
  stack.model_dim = reader.Int("model_dim", 2, kMaxDim);
  stack.ffn_dim = reader.Int("ffn_dim", is_decoder ? 0 : 1, kMaxDim);
  stack.num_heads = reader.Int("num_heads", 1, kMaxDim);
  stack.head_dim = reader.Int("head_dim", 1, kMaxDim);
  if (stack.model_dim % 2 != 0) {
    reader.FailField("model_dim", absl::StrCat("found ", stack.model_dim,
                                               ", expected an even number"));
  }
  if (int64_t{stack.num_heads} * stack.head_dim > kMaxDim) {
    reader.FailField(
        "num_heads",
        absl::StrCat("found ", stack.num_heads, " heads of ", stack.head_dim,
                     ", expected at most ", kMaxDim, " elements in all"));
  }
}

absl::Status ParseEncoder(ObjectReader reader, StackConfig& stack) {
  ReadStack(/*is_decoder=*/false, reader, stack);
  return reader.Finish();
}

absl::Status ParseDecoder(ObjectReader reader, ArchitectureConfig& config) {
  const StackConfig& stack = config.decoder;
  ReadStack(/*is_decoder=*/true, reader, config.decoder);
  if (reader.Has("state")) {
    config.decoder_state = reader.Choice<DecoderState>(
        "state", {{"self_attention", DecoderState::kSelfAttention},
                  {"aan", DecoderState::kAan},
                  {"ssru", DecoderState::kSsru},
                  {"can", DecoderState::kCan}});
  }
  config.aan_ffn_dim = reader.Int("aan_ffn_dim", 0, kMaxDim, 0);
  if (config.aan_ffn_dim > 0 && config.decoder_state != DecoderState::kAan) {
    reader.FailField("aan_ffn_dim",
                     absl::StrCat("found ", config.aan_ffn_dim,
                                  ", expected 0 unless state is \"aan\""));
  }
  if (config.decoder_state == DecoderState::kCan &&
      (stack.ffn_dim == 0 || stack.ffn_dim % stack.num_heads != 0)) {
    reader.FailField("ffn_dim",
                     absl::StrCat("found ", stack.ffn_dim,
                                  ", expected a multiple of num_heads = ",
                                  stack.num_heads, " for state \"can\""));
  }
  return reader.Finish();
}

absl::Status ParseArchitecture(ObjectReader reader,
                               ArchitectureConfig& config) {
  config.source_vocab_size = reader.Int("source_vocab_size", 1, kMaxVocab);
  config.target_vocab_size = reader.Int("target_vocab_size", 1, kMaxVocab);
  PEREGRINE_RETURN_IF_ERROR(
      ParseEncoder(reader.Object("encoder"), config.encoder));
  PEREGRINE_RETURN_IF_ERROR(ParseDecoder(reader.Object("decoder"), config));
  config.norm = reader.Choice<NormPlacement>(
      "norm", {{"pre", NormPlacement::kPre}, {"post", NormPlacement::kPost}});
  config.layer_norm_epsilon =
      reader.Float("layer_norm_epsilon", 1e-12f, 1.0f, 1e-5f);
  config.activation = reader.Choice<kernels::Activation>(
      "activation", {{"relu", kernels::Activation::kRelu},
                     {"gelu", kernels::Activation::kGelu},
                     {"swish", kernels::Activation::kSwish}});
  config.positions = reader.Choice<PositionEncoding>(
      "positions",
      {{"sinusoidal_concatenated", PositionEncoding::kSinusoidalConcatenated},
       {"sinusoidal_interleaved", PositionEncoding::kSinusoidalInterleaved},
       {"learned", PositionEncoding::kLearned}});
  config.position_offset = reader.Int("position_offset", 0, kMaxPositions, 0);
  config.max_positions = reader.Int("max_positions", 2, kMaxPositions);
  config.scale_embeddings = reader.Bool("scale_embeddings");
  config.share_embeddings = reader.Bool("share_embeddings");
  config.output = reader.Choice<OutputProjection>(
      "output", {{"tied", OutputProjection::kTied},
                 {"separate", OutputProjection::kSeparate},
                 {"factorized", OutputProjection::kFactorized}});
  config.output_rank = reader.Int("output_rank", 0, kMaxDim, 0);
  config.output_bias = reader.Bool("output_bias");

  if (config.max_positions <= config.position_offset + 1) {
    reader.FailField("max_positions",
                     absl::StrCat("found ", config.max_positions,
                                  ", expected more than position_offset + 1 = ",
                                  config.position_offset + 1));
  }
  if ((config.output == OutputProjection::kFactorized) !=
      (config.output_rank > 0)) {
    reader.FailField(
        "output_rank",
        absl::StrCat("found ", config.output_rank,
                     ", expected a rank from 1 for a factorized output "
                     "and 0 for any other"));
  }
  if (config.share_embeddings &&
      (config.source_vocab_size != config.target_vocab_size ||
       config.encoder.model_dim != config.decoder.model_dim)) {
    reader.FailField(
        "share_embeddings",
        absl::StrCat("found vocabularies of ", config.source_vocab_size,
                     " and ", config.target_vocab_size, " and model_dims of ",
                     config.encoder.model_dim, " and ",
                     config.decoder.model_dim,
                     ", expected equal ones on both sides"));
  }
  return reader.Finish();
}

absl::Status ParseTokens(ObjectReader reader,
                         const ArchitectureConfig& architecture,
                         TokenConfig& tokens) {
  const int target_size = architecture.target_vocab_size;
  tokens.pad = reader.Int("pad", 0, target_size - 1);
  tokens.bos = reader.Int("bos", 0, target_size - 1);
  tokens.eos = reader.Int("eos", 0, target_size - 1);
  tokens.unk = reader.Int(
      "unk", 0, std::min(target_size, architecture.source_vocab_size) - 1);
  tokens.decoder_start = reader.Int("decoder_start", 0, target_size - 1);
  tokens.source_suffix =
      reader.Ids("source_suffix", architecture.source_vocab_size, {}, true);
  const int positions =
      architecture.max_positions - architecture.position_offset;
  if (static_cast<int>(tokens.source_suffix.size()) >= positions) {
    reader.FailField("source_suffix",
                     absl::StrCat("found ", tokens.source_suffix.size(),
                                  " ids, expected fewer than the ", positions,
                                  " positions"));
  }
  return reader.Finish();
}

absl::Status ParseTokenizer(ObjectReader reader, TokenizerConfig& tokenizer) {
  tokenizer.type = reader.Choice<TokenizerConfig::Type>(
      "type", {{"sentencepiece", TokenizerConfig::Type::kSentencePiece},
               {"none", TokenizerConfig::Type::kNone}});
  if (tokenizer.type == TokenizerConfig::Type::kSentencePiece) {
    tokenizer.source = reader.String("source");
    tokenizer.target = reader.String("target");
    for (const auto& [field, file] :
         {std::make_pair("source", tokenizer.source),
          std::make_pair("target", tokenizer.target)}) {
      if (absl::StrContains(file, "/")) {
        reader.FailField(field,
                         absl::StrCat("found \"", file,
                                      "\", expected a file name without /"));
      }
    }
  }
  return reader.Finish();
}

absl::Status ParseDecoding(ObjectReader reader, const ModelConfig& config,
                           DecodingConfig& decoding) {
  decoding.beam_size = reader.Int("beam_size", 1, 1024);
  decoding.length_penalty = reader.Float("length_penalty", -5.0f, 5.0f);
  decoding.max_length_factor = reader.Float("max_length_factor", 0.0f, 100.0f);
  decoding.max_length_offset =
      reader.Int("max_length_offset", 0, kMaxPositions);
  decoding.suppressed_tokens =
      reader.Ids("suppressed_tokens", config.architecture.target_vocab_size,
                 {config.tokens.pad, config.tokens.bos}, false);
  for (int32_t token : decoding.suppressed_tokens) {
    if (token == config.tokens.eos) {
      reader.FailField("suppressed_tokens",
                       "found eos, without which no translation ends");
    }
  }
  return reader.Finish();
}

std::string DescribeState(const ArchitectureConfig& architecture) {
  switch (architecture.decoder_state) {
    case DecoderState::kSelfAttention:
      return "";
    case DecoderState::kAan:
      return architecture.aan_ffn_dim == 0
                 ? std::string("aan, ")
                 : absl::StrCat("aan with ffn ", architecture.aan_ffn_dim,
                                ", ");
    case DecoderState::kSsru:
      return "ssru, ";
    case DecoderState::kCan:
      return "can, ";
  }
  return "";
}

std::string DescribeStack(const StackConfig& stack, const std::string& state) {
  return absl::StrCat(
      stack.num_layers, " x ", stack.model_dim, " (", state, stack.num_heads,
      stack.num_heads == 1 ? " head of " : " heads of ", stack.head_dim,
      stack.ffn_dim == 0 ? std::string(", no ffn")
                         : absl::StrCat(", ffn ", stack.ffn_dim),
      ")");
}

}  // namespace

absl::StatusOr<ModelConfig> ParseConfig(absl::string_view json,
                                        const std::string& path) {
  const Json root = Json::parse(json.begin(), json.end(), nullptr,
                                /*allow_exceptions=*/false);
  if (root.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not valid JSON"));
  }
  ObjectReader reader(root, path, "");
  ModelConfig config;
  reader.Int("format_version", 1, 1);
  config.name = reader.String("name");
  config.source_language = reader.String("source_language");
  config.target_language = reader.String("target_language");
  PEREGRINE_RETURN_IF_ERROR(
      ParseArchitecture(reader.Object("architecture"), config.architecture));
  PEREGRINE_RETURN_IF_ERROR(
      ParseTokens(reader.Object("tokens"), config.architecture, config.tokens));
  PEREGRINE_RETURN_IF_ERROR(
      ParseTokenizer(reader.Object("tokenizer"), config.tokenizer));
  PEREGRINE_RETURN_IF_ERROR(
      ParseDecoding(reader.Object("decoding"), config, config.decoding));
  PEREGRINE_RETURN_IF_ERROR(reader.Finish());
  return config;
}

absl::StatusOr<ModelConfig> ReadConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(absl::StrCat(
        path, ": no such file, expected the config.json of a model"));
  }
  std::string text(kMaxFileBytes + 1, '\0');
  file.read(&text[0], static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": found more than ", kMaxFileBytes,
                     " bytes, expected a config.json"));
  }
  return ParseConfig(text, path);
}

std::string DescribeArchitecture(const ArchitectureConfig& architecture) {
  return absl::StrCat(
      architecture.norm == NormPlacement::kPre ? "pre" : "post",
      "-norm, encoder ", DescribeStack(architecture.encoder, ""), ", decoder ",
      DescribeStack(architecture.decoder, DescribeState(architecture)),
      architecture.output == OutputProjection::kFactorized
          ? absl::StrCat(", output rank ", architecture.output_rank)
          : std::string(architecture.output == OutputProjection::kTied
                            ? ", tied output"
                            : ", separate output"));
}

}  // namespace peregrine::model
