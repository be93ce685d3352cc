#include "engine/formats/ctranslate2/ctranslate2.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/json_object.h"
#include "engine/base/status_macros.h"
#include "engine/formats/ctranslate2/architecture.h"
#include "engine/formats/ctranslate2/tensors.h"
#include "engine/formats/ctranslate2/tokens.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {
namespace {

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

// What the library decodes with unless it is told otherwise.
model::DecodingConfig LibraryDefaults() {
  model::DecodingConfig decoding;
  decoding.beam_size = 2;
  decoding.length_penalty = 1.0f;
  decoding.max_length_factor = 0.0f;
  decoding.max_length_offset = 256;
  decoding.rules.stopping = model::Stopping::kBestFinished;
  decoding.rules.length_limit = model::LengthLimit::kCut;
  decoding.min_length = 1;
  decoding.rules.renormalize_min_length = true;
  decoding.rules.ends_behind_prefix_if_best = true;
  return decoding;
}

void SetLanguages(const CTranslate2Tokens& tokens, model::ModelConfig& model) {
  model.languages = tokens.languages;
  if (tokens.languages.empty()) {
    model.source_language = LanguageTag(tokens.source_language);
    model.target_language = LanguageTag(tokens.target_language);
    return;
  }
  model.source_language = tokens.source_language;
  model.target_language = tokens.target_language;
  const model::Language* target =
      model::FindLanguage(model.languages, model.target_language);
  if (target != nullptr) {
    model.decoding.rules.forced_first_token = target->token;
  }
}

// The first alignment_heads of the layer; 0: all. What is out of range is as
// good as absent, since only answers that ask for alignments depend on it.
model::AlignmentConfig ReadAlignment(CTranslate2File& file,
                                     const model::StackConfig& decoder) {
  const int last = decoder.num_layers - 1;
  const double layer = file.Scalar("decoder/alignment_layer").value_or(-1);
  const double heads = file.Scalar("decoder/alignment_heads").value_or(1);
  model::AlignmentConfig alignment;
  if (layer >= -decoder.num_layers && layer <= last) {
    alignment.layer = static_cast<int>(layer < 0 ? last + 1 + layer : layer);
  }
  if (heads < 1 || heads >= decoder.num_heads) return alignment;
  for (int head = 0; head < heads; ++head) alignment.heads.push_back(head);
  return alignment;
}

}  // namespace

absl::StatusOr<Checkpoint> OpenCTranslate2(
    const std::string& directory, const std::string& tokenizer_directory) {
  PEREGRINE_ASSIGN_OR_RETURN(auto file,
                             CTranslate2File::Open(directory + "/model.bin"));
  Checkpoint checkpoint;
  checkpoint.format =
      absl::StrCat("CTranslate2, version ", file->version(), " of the file");
  PEREGRINE_ASSIGN_OR_RETURN(CTranslate2Architecture architecture,
                             ReadCTranslate2Architecture(*file));
  architecture.config.layer_norm_epsilon =
      ReadEpsilon(directory, architecture.config.layer_norm_epsilon);
  PEREGRINE_ASSIGN_OR_RETURN(
      CTranslate2Tokens tokens,
      ReadCTranslate2Tokens(directory, tokenizer_directory, *file,
                            architecture));
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory);
  model.architecture = architecture.config;
  model.alignment = ReadAlignment(*file, model.architecture.decoder);
  model.tokens = tokens.config;
  model.decoding = LibraryDefaults();
  if (architecture.zero_start) {
    model.decoding.suppressed_tokens = {model.tokens.decoder_start};
  }
  SetLanguages(tokens, model);
  checkpoint.source_tokenizer = std::move(tokens.source);
  checkpoint.target_tokenizer = std::move(tokens.target);
  checkpoint.text_refusal = std::move(tokens.text_refusal);
  checkpoint.tensors = RenameCTranslate2Tensors(std::move(file), architecture);
  return checkpoint;
}

absl::StatusOr<Checkpoint> OpenCTranslate2(const std::string& directory) {
  return OpenCTranslate2(directory, directory);
}

}  // namespace peregrine::formats
