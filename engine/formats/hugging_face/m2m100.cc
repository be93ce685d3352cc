#include "engine/formats/hugging_face/m2m100.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/formats/hugging_face/multilingual_tokenizer.h"
#include "engine/formats/hugging_face/tensors.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

// Of its table of positions, whatever the token of padding.
constexpr int kMBartPositionOffset = 2;

enum class Kind { kM2M100, kSmall100, kNllb, kMBart50 };

const char* NameOf(Kind kind) {
  switch (kind) {
    case Kind::kM2M100:
      return "Hugging Face M2M100";
    case Kind::kSmall100:
      return "Hugging Face SMaLL-100";
    case Kind::kNllb:
      return "Hugging Face NLLB";
    case Kind::kMBart50:
      return "Hugging Face mBART-50";
  }
  return "";
}

bool Mentions(const Json& config, const char* field, absl::string_view word) {
  const auto found = config.find(field);
  return found != config.end() &&
         absl::StrContains(absl::AsciiStrToLower(found->dump()), word);
}

// SMaLL-100 calls itself M2M100, and its tokenizer is a program beside it. Told
// by the name of that, which copies leave out; else by its shape, which no
// M2M100 has.
bool IsSmall100(const HuggingFaceDirectory& directory, const Json& settings) {
  const Json& config = directory.config();
  if (Mentions(settings, "tokenizer_class", "small100")) return true;
  if (settings.contains("tokenizer_class")) return false;
  return directory.Has("tokenization_small100.py") ||
         Mentions(settings, "auto_map", "small100") ||
         Mentions(config, "_name_or_path", "small100") ||
         (config.value("encoder_layers", Json()) == 12 &&
          config.value("decoder_layers", Json()) == 3);
}

absl::StatusOr<Kind> KindOf(const HuggingFaceDirectory& directory,
                            const Json& settings) {
  if (directory.config().value("model_type", Json()) == "mbart") {
    if (!Mentions(settings, "tokenizer_class", "mbarttokenizer")) {
      return Kind::kMBart50;
    }
    return absl::UnimplementedError(absl::StrCat(
        directory.Path("tokenizer_config.json"),
        ": tokenizer_class: found the first mBART, expected mBART-50, such as "
        "mbart-large-50-many-to-many-mmt"));
  }
  if (!directory.Has("vocab.json")) return Kind::kNllb;
  return IsSmall100(directory, settings) ? Kind::kSmall100 : Kind::kM2M100;
}

absl::StatusOr<MultilingualTokenizer> LoadTokenizer(
    Kind kind, const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size) {
  switch (kind) {
    case Kind::kM2M100:
    case Kind::kSmall100:
      return LoadM2M100Tokenizer(directory, settings, vocab_size);
    case Kind::kNllb:
      return LoadNllbTokenizer(directory, settings, vocab_size);
    case Kind::kMBart50:
      return LoadMBart50Tokenizer(directory, settings, vocab_size);
  }
  return absl::InternalError("no such kind");
}

absl::StatusOr<model::ArchitectureConfig> ReadArchitecture(
    Kind kind, const HuggingFaceDirectory& directory) {
  const bool is_mbart = kind == Kind::kMBart50;
  PEREGRINE_ASSIGN_OR_RETURN(
      model::ArchitectureConfig architecture,
      directory.ReadArchitecture(model::NormPlacement::kPre, is_mbart));
  JsonObjectReader reader = directory.ConfigReader();
  // Positions begin after that of padding, and the table with position 0.
  const int pad =
      reader.Int("pad_token_id", 0, architecture.target_vocab_size - 1, 1);
  PEREGRINE_RETURN_IF_ERROR(reader.status());
  architecture.positions =
      is_mbart ? model::PositionEncoding::kLearned
               : model::PositionEncoding::kSinusoidalConcatenated;
  architecture.position_offset = is_mbart ? kMBartPositionOffset : pad + 1;
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
  const model::Language* const named =
      model.tokens.target_in_source ? target : source;
  const int32_t placeholder =
      named != nullptr ? named->token : model.languages[0].token;
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
  PEREGRINE_ASSIGN_OR_RETURN(const Json settings,
                             directory.ReadTokenizerConfig());
  PEREGRINE_ASSIGN_OR_RETURN(const Kind kind, KindOf(directory, settings));
  checkpoint.format = NameOf(kind);
  model::ModelConfig& model = checkpoint.config;
  model.name = NameOfDirectory(directory_path);
  PEREGRINE_ASSIGN_OR_RETURN(model.architecture,
                             ReadArchitecture(kind, directory));
  PEREGRINE_ASSIGN_OR_RETURN(model.tokens,
                             directory.ReadTokens(model.architecture));
  PEREGRINE_ASSIGN_OR_RETURN(
      const auto generation,
      directory.ReadGeneration(model.architecture, model.tokens));
  model.decoding = generation.decoding;
  model.architecture.output_bias =
      kind == Kind::kMBart50 ||
      (generation.renormalize && !model.decoding.suppressed_tokens.empty());
  const int vocab_size = model.architecture.source_vocab_size;
  PEREGRINE_ASSIGN_OR_RETURN(
      MultilingualTokenizer tokenizer,
      LoadTokenizer(kind, directory, settings, vocab_size));
  model.tokens.target_in_source = kind == Kind::kSmall100;
  if (kind == Kind::kSmall100 && tokenizer.target_language.empty()) {
    tokenizer.target_language = "en";
  }
  PEREGRINE_RETURN_IF_ERROR(SetLanguages(directory, tokenizer, model));
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.source_tokenizer,
      MakeTokenizer(directory, std::move(tokenizer), model.tokens));
  checkpoint.target_tokenizer = checkpoint.source_tokenizer;
  PEREGRINE_ASSIGN_OR_RETURN(auto weights, directory.OpenWeights());
  PEREGRINE_ASSIGN_OR_RETURN(
      const EmbeddingNames embeddings,
      SettleEmbeddings(*weights, directory, BartTables(), model.architecture));
  checkpoint.tensors = RenameHuggingFaceTensors(std::move(weights), embeddings,
                                                model.architecture, generation);
  return checkpoint;
}

}  // namespace peregrine::formats
