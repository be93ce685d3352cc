#include "engine/translation_model.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/model/safetensors.h"
#include "engine/text/sentencepiece.h"

namespace peregrine {
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

}  // namespace

absl::StatusOr<std::unique_ptr<const TranslationModel>> TranslationModel::Load(
    const std::string& directory, kernels::Device device) {
  auto loaded = absl::WrapUnique(new TranslationModel);
  loaded->device_ = device;
  PEREGRINE_ASSIGN_OR_RETURN(loaded->config_,
                             model::ReadConfig(directory + "/config.json"));
  PEREGRINE_RETURN_IF_ERROR(loaded->LoadTokenizers(directory));
  PEREGRINE_ASSIGN_OR_RETURN(
      auto tensors,
      model::SafetensorsFile::Open(directory + "/model.safetensors"));
  PEREGRINE_ASSIGN_OR_RETURN(auto kernels, kernels::MakeKernels(device));
  PEREGRINE_ASSIGN_OR_RETURN(
      loaded->weights_,
      model::Model::Load(loaded->config_, *tensors, *kernels));
  return std::unique_ptr<const TranslationModel>(std::move(loaded));
}

absl::Status TranslationModel::LoadTokenizers(const std::string& directory) {
  auto splitter = text::SentenceSplitter::Create(config_.source_language);
  if (!splitter.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        directory,
        "/config.json: source_language: ", splitter.status().message()));
  }
  splitter_ = *std::move(splitter);
  const model::TokenizerConfig& tokenizer = config_.tokenizer;
  if (tokenizer.type == model::TokenizerConfig::Type::kNone)
    return absl::OkStatus();
  const model::ArchitectureConfig& architecture = config_.architecture;
  PEREGRINE_ASSIGN_OR_RETURN(
      source_tokenizer_,
      LoadTokenizer(absl::StrCat(directory, "/", tokenizer.source),
                    architecture.source_vocab_size, config_.tokens.unk));
  const bool shared =
      tokenizer.source == tokenizer.target &&
      architecture.source_vocab_size == architecture.target_vocab_size;
  if (shared) {
    target_tokenizer_ = source_tokenizer_;
    return absl::OkStatus();
  }
  PEREGRINE_ASSIGN_OR_RETURN(
      target_tokenizer_,
      LoadTokenizer(absl::StrCat(directory, "/", tokenizer.target),
                    architecture.target_vocab_size, config_.tokens.unk));
  return absl::OkStatus();
}

int TranslationModel::max_source_tokens() const {
  return weights_->max_source_length() -
         static_cast<int>(config_.tokens.source_suffix.size());
}

int TranslationModel::max_target_tokens() const {
  return weights_->max_target_length();
}

decode::DecodingOptions TranslationModel::DefaultOptions(
    int source_tokens) const {
  const model::DecodingConfig& defaults = config_.decoding;
  decode::DecodingOptions options;
  options.beam_size = defaults.beam_size;
  options.length_penalty = defaults.length_penalty;
  options.rules = defaults.rules;
  const double source_length =
      source_tokens + static_cast<double>(config_.tokens.source_suffix.size());
  const double max_length =
      defaults.max_length_factor * source_length + defaults.max_length_offset;
  options.max_length =
      static_cast<int>(std::min<double>(max_length, max_target_tokens()));
  return options;
}

}  // namespace peregrine
