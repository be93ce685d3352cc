#include "engine/formats/hugging_face/m2m100.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/formats/hugging_face/multilingual_tokenizer.h"
#include "engine/formats/hugging_face/tensors.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

absl::StatusOr<model::ArchitectureConfig> ReadArchitecture(
    const HuggingFaceDirectory& directory) {
  PEREGRINE_ASSIGN_OR_RETURN(
      model::ArchitectureConfig architecture,
      directory.ReadArchitecture(model::NormPlacement::kPre));
  JsonObjectReader reader = directory.ConfigReader();
  // Positions begin after that of padding, and the table with position 0.
  const int pad =
      reader.Int("pad_token_id", 0, architecture.target_vocab_size - 1, 1);
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  architecture.positions = model::PositionEncoding::kSinusoidalConcatenated;
  architecture.position_offset = pad + 1;
  architecture.max_positions += architecture.position_offset;
  architecture.share_embeddings = true;
  architecture.output = reader.Bool("tie_word_embeddings", true)
                            ? model::OutputProjection::kTied
                            : model::OutputProjection::kSeparate;
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  return architecture;
}

// The default languages: those of the tokenizer, and a target that the
// generation settings force has the last word.
absl::Status SetLanguages(const HuggingFaceDirectory& directory,
                          const MultilingualTokenizer& tokenizer,
                          model::ModelConfig& model) {
  const std::string path = directory.Path("tokenizer_config.json");
  model.languages = tokenizer.languages;
  const auto find =
      [&](const char* field,
          const std::string& code) -> absl::StatusOr<const model::Language*> {
    const model::Language* found = model::FindLanguage(model.languages, code);
    if (found != nullptr || code.empty()) return found;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": ", field, ": ",
        model::ChooseLanguage(model.languages, "", code).status().message()));
  };
  PEREGRINE_ASSIGN_OR_RETURN(const model::Language* source,
                             find("src_lang", tokenizer.source_language));
  PEREGRINE_ASSIGN_OR_RETURN(const model::Language* target,
                             find("tgt_lang", tokenizer.target_language));
  int32_t& forced = model.decoding.rules.forced_first_token;
  if (forced >= 0) {
    const auto found = std::find_if(
        model.languages.begin(), model.languages.end(),
        [&](const model::Language& one) { return one.token == forced; });
    if (found == model.languages.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(directory.Path(""), ": forced_bos_token_id: found ",
                       forced, ", expected the token of a language"));
    }
    target = &*found;
  }
  if (source != nullptr) model.source_language = source->code;
  if (target != nullptr) {
    model.target_language = target->code;
    forced = target->token;
  }
  const int32_t placeholder =
      source != nullptr ? source->token : model.languages[0].token;
  model.tokens.source_language = placeholder;
  if (tokenizer.language_is_suffix) {
    model.tokens.source_suffix.push_back(placeholder);
  } else {
    model.tokens.source_prefix = {placeholder};
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const text::Tokenizer>> MakeTokenizer(
    const HuggingFaceDirectory& directory, MultilingualTokenizer tokenizer,
    model::TokenConfig& tokens) {
  const auto unknown =
      std::find(tokenizer.pieces.begin(), tokenizer.pieces.end(), "<unk>");
  if (unknown == tokenizer.pieces.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(directory.Path(""),
                     ": the vocabulary: found no piece "
                     "\"<unk>\", expected one for what it lacks"));
  }
  tokens.unk = static_cast<int32_t>(unknown - tokenizer.pieces.begin());
  absl::flat_hash_set<int32_t> silent(tokenizer.special.begin(),
                                      tokenizer.special.end());
  silent.insert({tokens.unk, tokens.bos, tokens.eos, tokens.pad});
  auto vocabulary = std::make_shared<const text::Vocabulary>(
      std::move(tokenizer.pieces), tokens.unk, std::move(silent));
  text::VocabularyTokenizer::Added added;
  added.words = text::AddedWords(std::move(tokenizer.words));
  added.space_is_piece = tokenizer.space_is_piece;
  return std::make_shared<text::VocabularyTokenizer>(
      std::move(vocabulary), std::move(tokenizer.splitter), std::move(added));
}

}  // namespace

absl::StatusOr<Checkpoint> OpenHuggingFaceM2M100(
    const std::string& directory_path, const Json& config) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const HuggingFaceDirectory directory,
      HuggingFaceDirectory::Open(directory_path, config));
  Checkpoint checkpoint;
  const bool is_m2m100 = directory.Has("vocab.json");
  checkpoint.format = is_m2m100 ? "Hugging Face M2M100" : "Hugging Face NLLB";
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory_path);
  PEREGRINE_ASSIGN_OR_RETURN(model.architecture, ReadArchitecture(directory));
  PEREGRINE_ASSIGN_OR_RETURN(model.tokens,
                             directory.ReadTokens(model.architecture));
  PEREGRINE_ASSIGN_OR_RETURN(
      const auto generation,
      directory.ReadGeneration(model.architecture, model.tokens));
  model.decoding = generation.decoding;
  model.architecture.output_bias =
      generation.renormalize && !model.decoding.suppressed_tokens.empty();

  PEREGRINE_ASSIGN_OR_RETURN(const Json settings,
                             directory.ReadTokenizerConfig());
  const int vocab_size = model.architecture.source_vocab_size;
  PEREGRINE_ASSIGN_OR_RETURN(
      MultilingualTokenizer tokenizer,
      is_m2m100 ? LoadM2M100Tokenizer(directory, settings, vocab_size)
                : LoadNllbTokenizer(directory, settings, vocab_size));
  PEREGRINE_RETURN_IF_ERROR(SetLanguages(directory, tokenizer, model));
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.source_tokenizer,
      MakeTokenizer(directory, std::move(tokenizer), model.tokens));
  checkpoint.target_tokenizer = checkpoint.source_tokenizer;
  PEREGRINE_ASSIGN_OR_RETURN(auto weights, directory.OpenWeights());
  PEREGRINE_ASSIGN_OR_RETURN(
      const EmbeddingNames embeddings,
      SettleEmbeddings(*weights, directory, model.architecture));
  checkpoint.tensors = RenameHuggingFaceTensors(std::move(weights), embeddings,
                                                model.architecture, generation);
  return checkpoint;
}

}  // namespace peregrine::formats
