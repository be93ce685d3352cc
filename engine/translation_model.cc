#include "engine/translation_model.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/recognise.h"

namespace peregrine {

absl::StatusOr<std::unique_ptr<const TranslationModel>> TranslationModel::Load(
    const std::string& directory, kernels::Device device,
    kernels::Precision precision) {
  PEREGRINE_ASSIGN_OR_RETURN(formats::Checkpoint checkpoint,
                             formats::OpenCheckpoint(directory));
  const auto splitter =
      text::SentenceSplitter::Create(checkpoint.config.source_language);
  if (!splitter.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        directory,
        "/config.json: source_language: ", splitter.status().message()));
  }
  return Create(std::move(checkpoint), device, precision);
}

absl::StatusOr<std::unique_ptr<const TranslationModel>>
TranslationModel::Create(formats::Checkpoint checkpoint, kernels::Device device,
                         kernels::Precision precision) {
  auto loaded = absl::WrapUnique(new TranslationModel);
  loaded->device_ = device;
  loaded->precision_ = precision;
  loaded->format_ = checkpoint.format;
  loaded->config_ = std::move(checkpoint.config);
  loaded->source_tokenizer_ = std::move(checkpoint.source_tokenizer);
  loaded->target_tokenizer_ = std::move(checkpoint.target_tokenizer);
  PEREGRINE_ASSIGN_OR_RETURN(
      loaded->splitter_,
      text::SentenceSplitter::Create(loaded->config_.source_language));
  PEREGRINE_ASSIGN_OR_RETURN(auto kernels, kernels::MakeKernels(device));
  PEREGRINE_ASSIGN_OR_RETURN(
      loaded->weights_,
      model::Model::Load(loaded->config_, *checkpoint.tensors, *kernels,
                         precision, std::move(checkpoint.shortlist)));
  return std::unique_ptr<const TranslationModel>(std::move(loaded));
}

int TranslationModel::max_source_tokens() const {
  return weights_->max_source_length() - config_.tokens.num_added();
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
      source_tokens + static_cast<double>(config_.tokens.num_added());
  const double max_length =
      defaults.max_length_factor * source_length + defaults.max_length_offset;
  options.max_length =
      static_cast<int>(std::min<double>(max_length, max_target_tokens()));
  options.min_length = std::min(defaults.min_length, options.max_length);
  return options;
}

}  // namespace peregrine
