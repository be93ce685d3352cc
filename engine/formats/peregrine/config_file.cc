#include "engine/formats/peregrine/config_file.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

using model::ArchitectureConfig;
using model::DecoderState;
using model::DecodingConfig;
using model::Language;
using model::LengthLimit;
using model::ModelConfig;
using model::NormPlacement;
using model::OutputProjection;
using model::PositionEncoding;
using model::SearchRules;
using model::StackConfig;
using model::Stopping;
using model::TokenConfig;
using model::TokenizerConfig;

constexpr size_t kMaxLanguages = 1000;
// A search can be made to hold no more phrases.
constexpr size_t kMaxMarkers = 64;

void ReadStack(bool is_decoder, JsonObjectReader& reader, StackConfig& stack) {
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

absl::Status ParseEncoder(JsonObjectReader reader, StackConfig& stack) {
  ReadStack(/*is_decoder=*/false, reader, stack);
  return reader.Finish();
}

absl::Status ParseDecoder(JsonObjectReader reader, ArchitectureConfig& config) {
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

absl::Status ParseArchitecture(JsonObjectReader reader,
                               ArchitectureConfig& config) {
  config.source_vocab_size = reader.Int("source_vocab_size", 1, kMaxVocab);
  config.target_vocab_size = reader.Int("target_vocab_size", 1, kMaxVocab);
  PEREGRINE_RETURN_IF_ERROR(
      ParseEncoder(reader.Object("encoder"), config.encoder));
  PEREGRINE_RETURN_IF_ERROR(ParseDecoder(reader.Object("decoder"), config));
  config.norm = reader.Choice<NormPlacement>(
      "norm", {{"pre", NormPlacement::kPre}, {"post", NormPlacement::kPost}});
  config.final_norm = reader.Bool("final_norm", true);
  config.embedding_norm = reader.Bool("embedding_norm", false);
  config.layer_norm_epsilon =
      reader.Float("layer_norm_epsilon", 1e-12f, 1.0f, 1e-5f);
  config.activation = reader.Choice<kernels::Activation>(
      "activation", {{"relu", kernels::Activation::kRelu},
                     {"gelu", kernels::Activation::kGelu},
                     {"swish", kernels::Activation::kSwish},
                     {"gelu_tanh", kernels::Activation::kGeluTanh}});
  config.gated_ffn = reader.Bool("gated_ffn", false);
  config.rms_norm = reader.Bool("rms_norm", false);
  config.linear_bias = reader.Bool("linear_bias", true);
  config.positions = reader.Choice<PositionEncoding>(
      "positions",
      {{"sinusoidal_concatenated", PositionEncoding::kSinusoidalConcatenated},
       {"sinusoidal_interleaved", PositionEncoding::kSinusoidalInterleaved},
       {"sinusoidal_split", PositionEncoding::kSinusoidalSplit},
       {"learned", PositionEncoding::kLearned},
       {"distances", PositionEncoding::kDistances}});
  if (config.positions == PositionEncoding::kDistances) {
    config.distances.num_buckets =
        reader.Int("distance_buckets", 4, kMaxPositions);
    config.distances.max_distance =
        reader.Int("max_distance", 1, kMaxPositions);
  }
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

  if (!config.final_norm && config.norm != NormPlacement::kPre) {
    reader.FailField("final_norm",
                     "found false, expected true unless norm is \"pre\"");
  }
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

absl::Status ParseTokens(JsonObjectReader reader,
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
  tokens.source_prefix =
      reader.Ids("source_prefix", architecture.source_vocab_size, {}, false);
  tokens.source_language =
      reader.Int("source_language", 0, architecture.source_vocab_size - 1, -1);
  tokens.target_in_source = reader.Bool("target_in_source", false);
  const auto added_has = [&](const std::vector<int32_t>& ids) {
    return std::find(ids.begin(), ids.end(), tokens.source_language) !=
           ids.end();
  };
  if (tokens.source_language >= 0 && !added_has(tokens.source_prefix) &&
      !added_has(tokens.source_suffix)) {
    reader.FailField("source_language",
                     absl::StrCat("found ", tokens.source_language,
                                  ", expected an id of source_prefix or "
                                  "source_suffix"));
  }
  const int positions =
      architecture.max_positions - architecture.position_offset;
  const size_t added =
      tokens.source_prefix.size() + tokens.source_suffix.size();
  if (static_cast<int>(added) >= positions) {
    reader.FailField("source_suffix",
                     absl::StrCat("found ", added,
                                  " ids with the source_prefix, expected fewer "
                                  "than the ",
                                  positions, " positions"));
  }
  return reader.Finish();
}

void FailUnlessFileName(JsonObjectReader& reader, const char* field,
                        const std::string& file) {
  if (!absl::StrContains(file, "/")) return;
  reader.FailField(field, absl::StrCat("found \"", file,
                                       "\", expected a file name without /"));
}

absl::Status ParseTokenizer(JsonObjectReader reader,
                            TokenizerConfig& tokenizer) {
  tokenizer.type = reader.Choice<TokenizerConfig::Type>(
      "type", {{"sentencepiece", TokenizerConfig::Type::kSentencePiece},
               {"subword_nmt", TokenizerConfig::Type::kSubwordNmt},
               {"none", TokenizerConfig::Type::kNone}});
  const bool has_codes = tokenizer.type == TokenizerConfig::Type::kSubwordNmt;
  if (tokenizer.type != TokenizerConfig::Type::kNone) {
    tokenizer.source = reader.String("source");
    tokenizer.target = reader.String("target");
    FailUnlessFileName(reader, "source", tokenizer.source);
    FailUnlessFileName(reader, "target", tokenizer.target);
    if (has_codes) {
      tokenizer.source_codes = reader.String("source_codes", "");
      tokenizer.target_codes = reader.String("target_codes", "");
      FailUnlessFileName(reader, "source_codes", tokenizer.source_codes);
      FailUnlessFileName(reader, "target_codes", tokenizer.target_codes);
    }
  }
  return reader.Finish();
}

absl::Status ParseDecoding(JsonObjectReader reader, const ModelConfig& config,
                           DecodingConfig& decoding) {
  decoding.beam_size = reader.Int("beam_size", 1, 1024);
  decoding.length_penalty = reader.Float("length_penalty", -5.0f, 5.0f);
  decoding.max_length_factor = reader.Float("max_length_factor", 0.0f, 100.0f);
  decoding.max_length_offset =
      reader.Int("max_length_offset", 0, kMaxPositions);
  decoding.min_length = reader.Int("min_length", 0, kMaxPositions, 0);
  decoding.suppressed_tokens =
      reader.Ids("suppressed_tokens", config.architecture.target_vocab_size,
                 {config.tokens.pad, config.tokens.bos}, false);
  for (int32_t token : decoding.suppressed_tokens) {
    if (token == config.tokens.eos) {
      reader.FailField("suppressed_tokens",
                       "found eos, without which no translation ends");
    }
  }
  SearchRules& rules = decoding.rules;
  rules.stopping =
      reader.Choice<Stopping>("stopping",
                              {{"first_finished", Stopping::kFirstFinished},
                               {"best_finished", Stopping::kBestFinished},
                               {"heuristic", Stopping::kHeuristic},
                               {"never", Stopping::kNever},
                               {"shrinking_beam", Stopping::kShrinkingBeam}},
                              rules.stopping);
  rules.length_limit =
      reader.Choice<LengthLimit>("length_limit",
                                 {{"eos", LengthLimit::kEos},
                                  {"forced_eos", LengthLimit::kForcedEos},
                                  {"cut", LengthLimit::kCut}},
                                 rules.length_limit);
  rules.renormalize_min_length =
      reader.Bool("renormalize_min_length", rules.renormalize_min_length);
  rules.ends_behind_prefix_if_best = reader.Bool(
      "ends_behind_prefix_if_best", rules.ends_behind_prefix_if_best);
  rules.forced_first_token = reader.Int(
      "forced_first_token", 0, config.architecture.target_vocab_size - 1,
      rules.forced_first_token);
  rules.word_penalty =
      reader.Float("word_penalty", -100.0f, 100.0f, rules.word_penalty);
  return reader.Finish();
}

// `json` holds tokens by the codes of their languages.
absl::Status ParseLanguages(JsonObjectReader& reader, const Json& json,
                            const ArchitectureConfig& architecture,
                            std::vector<Language>& languages) {
  if (json.size() < 1 || json.size() > kMaxLanguages) {
    reader.FailField("languages",
                     absl::StrCat("found ", json.size(),
                                  " languages, expected 1 to ", kMaxLanguages));
    return reader.status();
  }
  const int vocab_size =
      std::min(architecture.source_vocab_size, architecture.target_vocab_size);
  JsonObjectReader tokens = reader.Object("languages");
  for (const auto& [code, unused] : json.items()) {
    const Language* same = FindLanguage(languages, code);
    if (code.empty() || same != nullptr) {
      tokens.FailField(code.c_str(),
                       same == nullptr
                           ? std::string("found a language without a code")
                           : absl::StrCat("found ", same->code,
                                          ", too, which is the same language"));
    }
    languages.push_back({code, tokens.Int(code.c_str(), 0, vocab_size - 1)});
  }
  return tokens.Finish();
}

// The default languages, each "" where a request must name one; that of the
// target is forced as the first token.
void SetDefaultLanguages(JsonObjectReader& reader, ModelConfig& config) {
  const auto choose = [&](const char* field) -> const Language* {
    const std::string name = reader.String(field, "");
    if (name.empty()) return nullptr;
    const auto found = ChooseLanguage(config.languages, "", name);
    if (found.ok()) return FindLanguage(config.languages, name);
    reader.FailField(field, found.status().message());
    return nullptr;
  };
  const Language* source = choose("source_language");
  const Language* target = choose("target_language");
  if (source != nullptr) config.source_language = source->code;
  if (target != nullptr) config.target_language = target->code;
  int32_t& forced = config.decoding.rules.forced_first_token;
  const int32_t expected = target == nullptr ? -1 : target->token;
  if (forced >= 0 && forced != expected) {
    reader.FailField(
        "decoding.forced_first_token",
        absl::StrCat("found ", forced,
                     ", expected none or the token of target_language, as "
                     "there are languages"));
  }
  forced = expected;
}

absl::Status ParseAlignment(JsonObjectReader reader,
                            const model::StackConfig& decoder,
                            model::AlignmentConfig& alignment) {
  alignment.layer =
      reader.Int("layer", 0, decoder.num_layers - 1, decoder.num_layers - 1);
  for (int32_t head : reader.Ids("heads", decoder.num_heads, {}, false)) {
    alignment.heads.push_back(head);
  }
  alignment.shifted = reader.Bool("shifted", false);
  return reader.Finish();
}

absl::Status ParseConfidence(JsonObjectReader reader,
                             model::ConfidenceConfig& confidence) {
  constexpr float kMost = 1e6f;
  confidence.bias = reader.Float("bias", -kMost, kMost);
  confidence.mean = reader.Float("mean", -kMost, kMost, 0.0f);
  confidence.worst = reader.Float("worst", -kMost, kMost, 0.0f);
  confidence.length = reader.Float("length", -kMost, kMost, 0.0f);
  return reader.Finish();
}

std::vector<std::string> ReadMarkers(JsonObjectReader& reader) {
  std::vector<std::string> markers = reader.Strings("markers");
  if (markers.size() > kMaxMarkers) {
    reader.FailField(
        "markers", absl::StrCat("found ", markers.size(), ", expected at most ",
                                kMaxMarkers));
  }
  for (size_t i = 0; i < markers.size(); ++i) {
    const auto end = markers.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::find(markers.begin(), end, markers[i]) != end) {
      reader.FailField("markers", absl::StrCat("found '", markers[i],
                                               "' twice, expected it once"));
    }
  }
  return markers;
}

}  // namespace

absl::StatusOr<ModelConfig> ParseConfig(absl::string_view json,
                                        const std::string& path,
                                        std::vector<std::string>* markers) {
  PEREGRINE_ASSIGN_OR_RETURN(const Json root, ParseJson(json, path));
  JsonObjectReader reader(root, path, "");
  ModelConfig config;
  reader.Int("format_version", 1, 1);
  config.name = reader.String("name");
  PEREGRINE_RETURN_IF_ERROR(
      ParseArchitecture(reader.Object("architecture"), config.architecture));
  PEREGRINE_RETURN_IF_ERROR(
      ParseTokens(reader.Object("tokens"), config.architecture, config.tokens));
  PEREGRINE_RETURN_IF_ERROR(
      ParseTokenizer(reader.Object("tokenizer"), config.tokenizer));
  PEREGRINE_RETURN_IF_ERROR(
      ParseDecoding(reader.Object("decoding"), config, config.decoding));
  if (reader.Has("languages")) {
    PEREGRINE_RETURN_IF_ERROR(ParseLanguages(
        reader, root["languages"], config.architecture, config.languages));
    SetDefaultLanguages(reader, config);
  } else {
    config.source_language = reader.String("source_language");
    config.target_language = reader.String("target_language");
  }
  if (reader.Has("alignment")) {
    PEREGRINE_RETURN_IF_ERROR(ParseAlignment(reader.Object("alignment"),
                                             config.architecture.decoder,
                                             config.alignment));
  }
  if (reader.Has("confidence")) {
    PEREGRINE_RETURN_IF_ERROR(ParseConfidence(reader.Object("confidence"),
                                              config.confidence.emplace()));
  }
  config.shortlist = reader.String("shortlist", "");
  FailUnlessFileName(reader, "shortlist", config.shortlist);
  config.protected_patterns = reader.Strings("protected_patterns");
  std::vector<std::string> read_markers = ReadMarkers(reader);
  if (markers != nullptr) *markers = std::move(read_markers);
  PEREGRINE_RETURN_IF_ERROR(reader.Finish());
  return config;
}

absl::StatusOr<ModelConfig> ReadConfig(const std::string& path,
                                       std::vector<std::string>* markers) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const std::string text,
      ReadFile(path, kMaxConfigBytes, "the config.json of a model"));
  return ParseConfig(text, path, markers);
}

}  // namespace peregrine::formats
