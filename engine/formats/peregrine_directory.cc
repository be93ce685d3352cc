#include "engine/formats/peregrine_directory.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/model/safetensors.h"
#include "engine/text/sentencepiece.h"

namespace peregrine::formats {
namespace {

absl::StatusOr<std::shared_ptr<const text::Tokenizer>> LoadTokenizer(
    const std::string& path, int vocab_size, int32_t unk) {
  PEREGRINE_ASSIGN_OR_RETURN(std::shared_ptr<const text::Tokenizer> tokenizer,
                             text::SentencePieceModel::Load(path));
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
  const int32_t unk = checkpoint.config.tokens.unk;
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.source_tokenizer,
      LoadTokenizer(absl::StrCat(directory, "/", tokenizer.source),
                    architecture.source_vocab_size, unk));
  const bool shared =
      tokenizer.source == tokenizer.target &&
      architecture.source_vocab_size == architecture.target_vocab_size;
  if (shared) {
    checkpoint.target_tokenizer = checkpoint.source_tokenizer;
    return absl::OkStatus();
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.target_tokenizer,
      LoadTokenizer(absl::StrCat(directory, "/", tokenizer.target),
                    architecture.target_vocab_size, unk));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Checkpoint> OpenPeregrineDirectory(
    const std::string& directory) {
  Checkpoint checkpoint;
  checkpoint.format = "Peregrine";
  PEREGRINE_ASSIGN_OR_RETURN(checkpoint.config,
                             model::ReadConfig(directory + "/config.json"));
  PEREGRINE_RETURN_IF_ERROR(LoadTokenizers(directory, checkpoint));
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.tensors,
      model::SafetensorsFile::Open(directory + "/model.safetensors"));
  const model::ModelConfig& config = checkpoint.config;
  if (config.shortlist.empty()) return checkpoint;
  PEREGRINE_ASSIGN_OR_RETURN(
      checkpoint.shortlist,
      model::Shortlist::Load(absl::StrCat(directory, "/", config.shortlist),
                             config.architecture.source_vocab_size,
                             config.architecture.target_vocab_size));
  return checkpoint;
}

}  // namespace peregrine::formats
