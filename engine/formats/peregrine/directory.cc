#include "engine/formats/peregrine/directory.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/file.h"
#include "engine/base/status_macros.h"
#include "engine/formats/files/safetensors.h"
#include "engine/formats/peregrine/config_file.h"
#include "engine/formats/peregrine/shortlist_file.h"
#include "engine/formats/vocabulary_files.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/subword_nmt.h"
#include "engine/text/vocabulary.h"

namespace peregrine::formats {
namespace {

constexpr size_t kMaxCodesBytes = 16 << 20;

// A vocabulary, a piece a line in the order of ids, and BPE codes; none where
// `codes_path` is empty.
absl::StatusOr<std::shared_ptr<const text::Tokenizer>> LoadSubwordNmt(
    const std::string& path, const std::string& codes_path,
    const model::ModelConfig& config, const std::vector<std::string>& markers) {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<std::string> pieces,
                             ReadVocabularyList(path));
  std::shared_ptr<const text::SubwordNmtCodes> codes;
  if (!codes_path.empty()) {
    PEREGRINE_ASSIGN_OR_RETURN(
        const std::string text,
        ReadFile(codes_path, kMaxCodesBytes, "BPE codes of subword-nmt"));
    PEREGRINE_ASSIGN_OR_RETURN(codes,
                               text::SubwordNmtCodes::Parse(text, codes_path));
  }
  const model::TokenConfig& tokens = config.tokens;
  absl::flat_hash_set<int32_t> silent = {tokens.pad, tokens.bos, tokens.eos};
  for (const model::Language& language : config.languages) {
    silent.insert(language.token);
  }
  auto vocabulary = std::make_shared<const text::Vocabulary>(
      std::move(pieces), tokens.unk, std::move(silent));
  return std::make_shared<const text::SubwordNmtTokenizer>(
      std::move(vocabulary), std::move(codes), markers);
}

absl::StatusOr<std::shared_ptr<const text::Tokenizer>> LoadTokenizer(
    const std::string& path, const std::string& codes_path,
    const Checkpoint& checkpoint, int vocab_size) {
  const model::ModelConfig& config = checkpoint.config;
  const int32_t unk = config.tokens.unk;
  std::shared_ptr<const text::Tokenizer> tokenizer;
  if (config.tokenizer.type == model::TokenizerConfig::Type::kSubwordNmt) {
    PEREGRINE_ASSIGN_OR_RETURN(
        tokenizer,
        LoadSubwordNmt(path, codes_path, config, checkpoint.markers));
  } else {
    PEREGRINE_ASSIGN_OR_RETURN(tokenizer, text::SentencePieceModel::Load(path));
  }
  if (tokenizer->vocab_size() != vocab_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found ", tokenizer->vocab_size(),
        " pieces, expected the vocabulary size of config.json, ", vocab_size));
  }
  if (tokenizer->unk_id() != unk) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": found the unknown piece at id ", tokenizer->unk_id(),
        ", expected tokens.unk of config.json, ", unk));
  }
  return tokenizer;
}

absl::Status LoadTokenizers(const std::string& directory,
                            Checkpoint& checkpoint) {
  const model::TokenizerConfig& tokenizer = checkpoint.config.tokenizer;
  if (tokenizer.type == model::TokenizerConfig::Type::kNone)
    return absl::OkStatus();
  const model::ArchitectureConfig& architecture =
      checkpoint.config.architecture;
  const auto path = [&](const std::string& file) {
    return file.empty() ? file : absl::StrCat(directory, "/", file);
  };
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.source_tokenizer,
      LoadTokenizer(path(tokenizer.source), path(tokenizer.source_codes),
                    checkpoint, architecture.source_vocab_size));
  const bool shared =
      tokenizer.source == tokenizer.target &&
      tokenizer.source_codes == tokenizer.target_codes &&
      architecture.source_vocab_size == architecture.target_vocab_size;
  if (shared) {
    checkpoint.target_tokenizer = checkpoint.source_tokenizer;
    return absl::OkStatus();
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.target_tokenizer,
      LoadTokenizer(path(tokenizer.target), path(tokenizer.target_codes),
                    checkpoint, architecture.target_vocab_size));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Checkpoint> OpenPeregrineDirectory(
    const std::string& directory) {
  Checkpoint checkpoint;
  checkpoint.format = "Peregrine";
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.config,
      ReadConfig(directory + "/config.json", &checkpoint.markers));
  PEREGRINE_RETURN_IF_ERROR(LoadTokenizers(directory, checkpoint));
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.tensors,
      SafetensorsFile::Open(directory + "/model.safetensors"));
  const model::ModelConfig& config = checkpoint.config;
  if (config.shortlist.empty()) return checkpoint;
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.shortlist,
      ReadShortlist(absl::StrCat(directory, "/", config.shortlist),
                    config.architecture.source_vocab_size,
                    config.architecture.target_vocab_size));
  return checkpoint;
}

}  // namespace peregrine::formats
