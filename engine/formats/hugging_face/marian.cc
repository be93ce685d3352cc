#include "engine/formats/hugging_face/marian.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/formats/hugging_face/tensors.h"
#include "engine/formats/limits.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/vocabulary_tokenizer.h"

namespace peregrine::formats {
namespace {

constexpr const char* kUnknown = "<unk>";

absl::StatusOr<std::shared_ptr<const text::Vocabulary>> LoadVocabulary(
    const std::string& path, int vocab_size, const model::TokenConfig& tokens) {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<std::string> pieces,
                             ReadVocabularyMap(path, vocab_size));
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id] != kUnknown) continue;
    const auto unk = static_cast<int32_t>(id);
    return std::make_shared<const text::Vocabulary>(
        std::move(pieces), unk,
        absl::flat_hash_set<int32_t>{unk, tokens.eos, tokens.pad});
  }
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": found no piece \"", kUnknown,
                   "\", expected one for what the vocabulary lacks"));
}

absl::Status LoadTokenizers(const HuggingFaceDirectory& directory,
                            const Json& tokenizer_config,
                            Checkpoint& checkpoint) {
  const model::ArchitectureConfig& architecture =
      checkpoint.config.architecture;
  JsonObjectReader reader(tokenizer_config,
                          directory.Path("tokenizer_config.json"), "");
  const bool separate = reader.Bool("separate_vocabs", false);
  PEREGRINE_RETURN_IF_ERROR(reader.status());

  PEREGRINE_ASSIGN_OR_RETURN(
      auto source_vocabulary,
      LoadVocabulary(directory.Path("vocab.json"),
                     architecture.source_vocab_size, checkpoint.config.tokens));
  checkpoint.config.tokens.unk = source_vocabulary->unk_id();
  auto target_vocabulary = source_vocabulary;
  if (separate) {
    PEREGRINE_ASSIGN_OR_RETURN(
        target_vocabulary, LoadVocabulary(directory.Path("target_vocab.json"),
                                          architecture.target_vocab_size,
                                          checkpoint.config.tokens));
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      std::shared_ptr<const text::SentencePieceModel> source_pieces,
      text::SentencePieceModel::Load(directory.Path("source.spm")));
  PEREGRINE_ASSIGN_OR_RETURN(
      std::shared_ptr<const text::SentencePieceModel> target_pieces,
      text::SentencePieceModel::Load(directory.Path("target.spm")));
  checkpoint.source_tokenizer = std::make_shared<text::VocabularyTokenizer>(
      source_vocabulary, source_pieces);
  checkpoint.target_tokenizer = std::make_shared<text::VocabularyTokenizer>(
      target_vocabulary, target_pieces);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Checkpoint> OpenHuggingFaceMarian(
    const std::string& directory_path, const Json& config) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const HuggingFaceDirectory directory,
      HuggingFaceDirectory::Open(directory_path, config));
  Checkpoint checkpoint;
  checkpoint.format = "Hugging Face MarianMT";
  model::ModelConfig& model = checkpoint.config;
  PEREGRINE_ASSIGN_OR_RETURN(
      model.architecture,
      directory.ReadArchitecture(model::NormPlacement::kPost));
  model::ArchitectureConfig& architecture = model.architecture;
  architecture.positions = model::PositionEncoding::kSinusoidalSplit;
  architecture.output_bias = true;
  JsonObjectReader reader = directory.ConfigReader();
  architecture.share_embeddings =
      reader.Bool("share_encoder_decoder_embeddings", true);
  architecture.output = reader.Bool("tie_word_embeddings", true)
                            ? model::OutputProjection::kTied
                            : model::OutputProjection::kSeparate;
  if (!architecture.share_embeddings) {
    architecture.target_vocab_size = reader.Int(
        "decoder_vocab_size", 1, kMaxVocab, architecture.source_vocab_size);
  }
  PEREGRINE_RETURN_IF_ERROR(reader.status());

  PEREGRINE_ASSIGN_OR_RETURN(model.tokens, directory.ReadTokens(architecture));
  PEREGRINE_ASSIGN_OR_RETURN(
      const auto generation,
      directory.ReadGeneration(architecture, model.tokens));
  model.decoding = generation.decoding;
  PEREGRINE_ASSIGN_OR_RETURN(const Json tokenizer_config,
                             directory.ReadTokenizerConfig());
  model.name = NameOfDirectory(directory_path);
  JsonObjectReader languages(tokenizer_config,
                             directory.Path("tokenizer_config.json"), "");
  model.source_language = LanguageTag(languages.String("source_lang", "und"));
  model.target_language = LanguageTag(languages.String("target_lang", "und"));
  PEREGRINE_RETURN_IF_ERROR(languages.status());
  PEREGRINE_RETURN_IF_ERROR(
      LoadTokenizers(directory, tokenizer_config, checkpoint));
  PEREGRINE_ASSIGN_OR_RETURN(auto weights, directory.OpenWeights());
  PEREGRINE_ASSIGN_OR_RETURN(
      const EmbeddingNames embeddings,
      SettleEmbeddings(*weights, directory, BartTables(), architecture));
  checkpoint.tensors = RenameHuggingFaceTensors(std::move(weights), embeddings,
                                                architecture, generation);
  return checkpoint;
}

}  // namespace peregrine::formats
