#include "engine/formats/hugging_face/directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

using kernels::Activation;
using model::LengthLimit;
using model::Stopping;

// tokenizer_config.json describes every added token: of NLLB more than 200.
constexpr size_t kMaxTokenizerConfigBytes = 16 << 20;

Json WithoutNulls(Json object) {
  if (!object.is_object()) return object;
  for (auto it = object.begin(); it != object.end();) {
    it = it->is_null() ? object.erase(it) : std::next(it);
  }
  return object;
}

// A setting of generation that we lack, and the value at which it does nothing.
struct Neutral {
  const char* name;
  Json value;
};

const std::vector<Neutral>& UnsupportedSettings() {
  static const auto* const settings = new std::vector<Neutral>{
      {"do_sample", false},
      {"num_beam_groups", 1},
      {"diversity_penalty", 0.0},
      {"penalty_alpha", 0.0},
      {"encoder_repetition_penalty", 1.0},
      {"encoder_no_repeat_ngram_size", 0},
      {"sequence_bias", {}},
      {"exponential_decay_length_penalty", {}},
      {"guidance_scale", 1.0},
      {"constraints", {}},
      {"force_words_ids", {}},
      {"watermarking_config", {}},
      {"forced_decoder_ids", Json::array()},
      {"stop_strings", Json::array()},
      {"max_time", {}},
      {"dola_layers", {}},
      {"token_healing", false},
  };
  return *settings;
}

absl::Status RefuseUnsupported(const Json& settings,
                               const std::vector<Neutral>& neutral,
                               const std::string& path) {
  for (const Neutral& setting : neutral) {
    const auto found = settings.find(setting.name);
    if (found == settings.end() || *found == setting.value) continue;
    return absl::UnimplementedError(absl::StrCat(
        path, ": ", setting.name, ": found ", Shown(*found), ", expected ",
        setting.value.is_null() ? "none" : setting.value.dump(),
        ", the only value that is supported"));
  }
  return absl::OkStatus();
}

// bad_words_ids: sequences that must not appear.
absl::Status AddBadWords(const Json& generation, const std::string& path,
                         int vocab_size, model::DecodingConfig& decoding) {
  const auto found = generation.find("bad_words_ids");
  if (found == generation.end()) return absl::OkStatus();
  const auto valid = [&](const Json& word) {
    return word.is_array() && !word.empty() &&
           std::all_of(word.begin(), word.end(), [&](const Json& id) {
             return id.is_number_unsigned() &&
                    id.get<uint64_t>() < static_cast<uint64_t>(vocab_size);
           });
  };
  if (!found->is_array() || !std::all_of(found->begin(), found->end(), valid)) {
    return absl::UnimplementedError(
        absl::StrCat(path, ": bad_words_ids: found ", Shown(*found),
                     ", expected lists of token ids below ", vocab_size));
  }
  for (const Json& word : *found) {
    if (word.size() == 1) {
      decoding.suppressed_tokens.push_back(word[0].get<int32_t>());
    } else {
      decoding.suppressed_sequences.push_back(word.get<std::vector<int32_t>>());
    }
  }
  return absl::OkStatus();
}

Stopping ReadStopping(const Json& generation, const std::string& path,
                      absl::Status& status) {
  const auto found = generation.find("early_stopping");
  if (found == generation.end() || *found == false) return Stopping::kHeuristic;
  if (*found == true) return Stopping::kBestFinished;
  if (*found == "never") return Stopping::kNever;
  status = absl::InvalidArgumentError(
      absl::StrCat(path, ": early_stopping: found ", Shown(*found),
                   ", expected true, false or \"never\""));
  return Stopping::kHeuristic;
}

}  // namespace

absl::StatusOr<HuggingFaceDirectory> HuggingFaceDirectory::Open(
    const std::string& directory, Json config) {
  HuggingFaceDirectory opened;
  opened.directory_ = directory;
  opened.config_ = WithoutNulls(std::move(config));
  opened.generation_file_ = "generation_config.json";
  if (!opened.Has(opened.generation_file_)) {
    // As models had it before there was such a file.
    opened.generation_file_ = "config.json";
    opened.generation_ = opened.config_;
    return opened;
  }
  PEREGRINE_ASSIGN_OR_RETURN(Json generation,
                             ReadJson(opened.Path(opened.generation_file_),
                                      kMaxConfigBytes, "generation settings"));
  opened.generation_ = WithoutNulls(std::move(generation));
  if (!opened.generation_.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        opened.Path(opened.generation_file_), ": expected a JSON object"));
  }
  return opened;
}

std::string HuggingFaceDirectory::Path(absl::string_view file) const {
  return absl::StrCat(directory_, "/", file);
}

bool HuggingFaceDirectory::Has(absl::string_view file) const {
  return FileExists(Path(file));
}

JsonObjectReader HuggingFaceDirectory::ConfigReader() const {
  return JsonObjectReader(config_, Path("config.json"), "");
}

JsonObjectReader HuggingFaceDirectory::GenerationReader() const {
  return JsonObjectReader(generation_, Path(generation_file_), "");
}

absl::Status HuggingFaceDirectory::RefuseQuantization() const {
  return RefuseUnsupported(config_, {{"quantization_config", {}}},
                           Path("config.json"));
}

absl::StatusOr<model::ArchitectureConfig>
HuggingFaceDirectory::ReadArchitecture(model::NormPlacement norm,
                                       bool embedding_norm) const {
  PEREGRINE_RETURN_IF_ERROR(RefuseQuantization());
  PEREGRINE_RETURN_IF_ERROR(RefuseUnsupported(
      config_,
      {{"normalize_before", norm == model::NormPlacement::kPre},
       {"normalize_embedding", embedding_norm},
       {"static_position_embeddings", !embedding_norm}},
      Path("config.json")));
  JsonObjectReader reader = ConfigReader();
  model::ArchitectureConfig architecture;
  architecture.norm = norm;
  architecture.embedding_norm = embedding_norm;
  architecture.source_vocab_size = reader.Int("vocab_size", 1, kMaxVocab);
  architecture.target_vocab_size = architecture.source_vocab_size;
  const int model_dim = reader.Int("d_model", 2, kMaxDim);
  const auto read_stack = [&](model::StackConfig& stack, const char* layers,
                              const char* ffn_dim, const char* heads) {
    stack.num_layers = reader.Int(layers, 1, kMaxLayers);
    stack.model_dim = model_dim;
    stack.ffn_dim = reader.Int(ffn_dim, 1, kMaxDim);
    stack.num_heads = reader.Int(heads, 1, kMaxDim);
    if (model_dim % 2 != 0 || model_dim % stack.num_heads != 0) {
      reader.FailField(
          "d_model",
          absl::StrCat("found ", model_dim, ", expected an even number that ",
                       heads, " = ", stack.num_heads, " divides"));
    }
    stack.head_dim = model_dim / std::max(1, stack.num_heads);
  };
  read_stack(architecture.encoder, "encoder_layers", "encoder_ffn_dim",
             "encoder_attention_heads");
  read_stack(architecture.decoder, "decoder_layers", "decoder_ffn_dim",
             "decoder_attention_heads");
  architecture.activation = reader.Choice<Activation>(
      "activation_function", {{"relu", Activation::kRelu},
                              {"gelu", Activation::kGelu},
                              {"swish", Activation::kSwish},
                              {"silu", Activation::kSwish}});
  architecture.max_positions =
      reader.Int("max_position_embeddings", 2, kMaxPositions);
  architecture.scale_embeddings = reader.Bool("scale_embedding", false);
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  return architecture;
}

absl::StatusOr<HuggingFaceDirectory::Generation>
HuggingFaceDirectory::ReadGeneration(
    const model::ArchitectureConfig& architecture,
    const model::TokenConfig& tokens) const {
  const std::string path = Path(generation_file_);
  const int vocab_size = architecture.target_vocab_size;
  PEREGRINE_RETURN_IF_ERROR(
      RefuseUnsupported(generation_, UnsupportedSettings(), path));
  Generation generation;
  model::DecodingConfig& decoding = generation.decoding;
  JsonObjectReader reader = GenerationReader();
  decoding.beam_size = reader.Int("num_beams", 1, 1024, 1);
  decoding.length_penalty = reader.Float("length_penalty", -5.0f, 5.0f, 1.0f);
  PEREGRINE_RETURN_IF_ERROR(
      AddBadWords(generation_, path, vocab_size, decoding));
  decoding.suppressed_first_tokens =
      reader.Ids("begin_suppress_tokens", vocab_size, {}, false);
  decoding.repetition_penalty =
      reader.Float("repetition_penalty", 0.01f, 100.0f, 1.0f);
  decoding.no_repeat_ngram_size =
      reader.Int("no_repeat_ngram_size", 0, 1000, 0);
  for (int32_t id : reader.Ids("suppress_tokens", vocab_size, {}, false)) {
    decoding.suppressed_tokens.push_back(id);
  }
  generation.renormalize = reader.Bool("renormalize_logits", false);

  model::SearchRules& rules = decoding.rules;
  absl::Status status;
  rules.stopping = ReadStopping(generation_, path, status);
  PEREGRINE_RETURN_IF_ERROR(status);
  const int forced_eos =
      reader.Int("forced_eos_token_id", 0, vocab_size - 1, -1);
  if (forced_eos >= 0 && forced_eos != tokens.eos) {
    reader.FailField("forced_eos_token_id",
                     absl::StrCat("found ", forced_eos,
                                  ", expected eos_token_id, ", tokens.eos));
  }
  rules.length_limit =
      forced_eos >= 0 ? LengthLimit::kForcedEos : LengthLimit::kCut;
  rules.forced_first_token =
      reader.Int("forced_bos_token_id", 0, vocab_size - 1, -1);

  // max_length counts the decoder's start, and eos where it is forced. Without
  // one, only the positions limit a translation.
  const int max_length = reader.Int("max_length", 2, 1 << 30, 1 << 30);
  const int max_new_tokens = reader.Int("max_new_tokens", 1, 1 << 30, -1);
  const int generated = max_new_tokens >= 0 ? max_new_tokens : max_length - 1;
  decoding.max_length_factor = 0.0f;
  decoding.max_length_offset =
      std::min(generated - (forced_eos >= 0 ? 1 : 0), kMaxPositions);
  const int min_new_tokens = reader.Int("min_new_tokens", 0, kMaxPositions, -1);
  const int min_length = reader.Int("min_length", 0, kMaxPositions, 0) - 1;
  decoding.min_length = std::max({min_new_tokens, min_length, 0});
  rules.renormalize_min_length = generation.renormalize;
  rules.penalize_log_probabilities = true;
  rules.start_is_generated = true;
  // eos is never forbidden, whatever they say.
  decoding.suppressed_tokens.erase(
      std::remove(decoding.suppressed_tokens.begin(),
                  decoding.suppressed_tokens.end(), tokens.eos),
      decoding.suppressed_tokens.end());
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  return generation;
}

absl::StatusOr<model::TokenConfig> HuggingFaceDirectory::ReadTokens(
    const model::ArchitectureConfig& architecture) const {
  const int last = architecture.target_vocab_size - 1;
  JsonObjectReader config = ConfigReader();
  JsonObjectReader generation = GenerationReader();
  // The generation settings have the last word.
  const auto read = [&](const char* name, int absent) {
    return generation.Int(name, 0, last, config.Int(name, 0, last, absent));
  };
  model::TokenConfig tokens;
  tokens.eos = read("eos_token_id", -1);
  tokens.pad = read("pad_token_id", -1);
  tokens.bos = read("bos_token_id", tokens.pad);
  tokens.decoder_start = read("decoder_start_token_id", tokens.bos);
  if (tokens.eos < 0) config.FailField("eos_token_id", "missing");
  if (tokens.pad < 0) config.FailField("pad_token_id", "missing");
  PEREGRINE_RETURN_IF_ERROR(config.status());
  PEREGRINE_RETURN_IF_ERROR(generation.status());
  tokens.source_suffix = {tokens.eos};
  return tokens;
}

absl::StatusOr<Json> HuggingFaceDirectory::ReadTokenizerConfig() const {
  if (!Has("tokenizer_config.json")) return Json::object();
  PEREGRINE_ASSIGN_OR_RETURN(
      Json json, ReadJson(Path("tokenizer_config.json"),
                          kMaxTokenizerConfigBytes, "tokenizer settings"));
  return WithoutNulls(std::move(json));
}

absl::StatusOr<std::unique_ptr<WeightFiles>> HuggingFaceDirectory::OpenWeights()
    const {
  // Where there are several, as the library chooses.
  for (const char* file :
       {"model.safetensors", "model.safetensors.index.json",
        "pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (Has(file)) return WeightFiles::Open(Path(file));
  }
  return absl::NotFoundError(absl::StrCat(
      Path("model.safetensors"),
      ": no such file, expected it or model.safetensors.index.json, "
      "pytorch_model.bin or pytorch_model.bin.index.json"));
}

}  // namespace peregrine::formats
