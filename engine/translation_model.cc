#include "engine/translation_model.h"

#include <algorithm>
#include <new>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/formats/checkpoint.h"
#include "engine/formats/recognise.h"
#include "engine/text/characters.h"

namespace peregrine {

namespace {

using Loaded = absl::StatusOr<std::unique_ptr<const TranslationModel>>;

// The standard library has no other way to say that memory is short: a server
// then goes on with the models that it has.
template <class Load>
Loaded WithinMemory(const std::string& name, Load load) {
  constexpr char kTooLittle[] = ": found too little memory to load it";
  try {
    Loaded loaded = load();
    if (!absl::IsResourceExhausted(loaded.status())) return loaded;
    return absl::ResourceExhaustedError(
        absl::StrCat(name, kTooLittle, ": ", loaded.status().message()));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name, kTooLittle, ", expected more"));
  }
}

// "<0x0A>" and "</s>" stand for no text.
bool IsControl(absl::string_view piece) {
  return piece.size() > 2 && piece.front() == '<' && piece.back() == '>';
}

absl::flat_hash_set<int32_t> CharactersOf(const text::Tokenizer& tokenizer) {
  absl::flat_hash_set<int32_t> characters;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    absl::string_view piece = tokenizer.piece(id);
    if (IsControl(piece)) continue;
    while (!piece.empty()) {
      const text::Character c = text::FirstCharacter(piece);
      characters.insert(c.code_point);
      piece.remove_prefix(c.size);
    }
  }
  return characters;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TranslationModel>> TranslationModel::Load(
    const std::string& directory, kernels::Device device,
    kernels::Precision precision) {
  return WithinMemory(directory, [&]() -> Loaded {
    PEREGRINE_ASSIGN_OR_RETURN(formats::Checkpoint checkpoint,
                               formats::OpenCheckpoint(directory));
    return Create(std::move(checkpoint), directory, device, precision);
  });
}

absl::StatusOr<std::unique_ptr<const TranslationModel>>
TranslationModel::Create(formats::Checkpoint checkpoint,
                         const std::string& name, kernels::Device device,
                         kernels::Precision precision) {
  return WithinMemory(name, [&] {
    return Make(std::move(checkpoint), name, device, precision);
  });
}

absl::StatusOr<std::unique_ptr<const TranslationModel>> TranslationModel::Make(
    formats::Checkpoint checkpoint, const std::string& name,
    kernels::Device device, kernels::Precision precision) {
  auto loaded = absl::WrapUnique(new TranslationModel);
  loaded->device_ = device;
  loaded->precision_ = precision;
  loaded->format_ = checkpoint.format;
  loaded->config_ = std::move(checkpoint.config);
  loaded->source_tokenizer_ = std::move(checkpoint.source_tokenizer);
  loaded->target_tokenizer_ = std::move(checkpoint.target_tokenizer);
  loaded->text_refusal_ = std::move(checkpoint.text_refusal);
  if (loaded->source_tokenizer_ != nullptr) {
    loaded->source_characters_ = CharactersOf(*loaded->source_tokenizer_);
  }
  PEREGRINE_RETURN_IF_ERROR(loaded->MakeSplitters(name));
  PEREGRINE_RETURN_IF_ERROR(loaded->MakePatterns(name));
  PEREGRINE_RETURN_IF_ERROR(
      loaded->MakeMarkers(std::move(checkpoint.markers), name));
  PEREGRINE_ASSIGN_OR_RETURN(auto kernels, kernels::MakeKernels(device));
  PEREGRINE_ASSIGN_OR_RETURN(
      loaded->weights_,
      model::Model::Load(loaded->config_, *checkpoint.tensors, *kernels,
                         precision, std::move(checkpoint.shortlist)));
  return std::unique_ptr<const TranslationModel>(std::move(loaded));
}

absl::Status TranslationModel::MakeSplitters(const std::string& name) {
  auto splitter = text::SentenceSplitter::Create(
      config_.languages.empty()
          ? config_.source_language
          : formats::LanguageTag(config_.source_language));
  if (!splitter.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, "/config.json: source_language: ", splitter.status().message()));
  }
  splitter_ = *std::move(splitter);
  for (const model::Language& language : config_.languages) {
    PEREGRINE_ASSIGN_OR_RETURN(
        splitters_.emplace_back(),
        text::SentenceSplitter::Create(formats::LanguageTag(language.code)));
  }
  return absl::OkStatus();
}

absl::Status TranslationModel::MakePatterns(const std::string& name) {
  if (config_.protected_patterns.empty()) return absl::OkStatus();
  auto patterns = document::SpanPatterns::Compile(config_.protected_patterns);
  if (!patterns.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        name,
        "/config.json: protected_patterns: ", patterns.status().message()));
  }
  patterns_ = *std::move(patterns);
  return absl::OkStatus();
}

absl::Status TranslationModel::MakeMarkers(std::vector<std::string> texts,
                                           const std::string& name) {
  auto markers = FindMarkers(std::move(texts), config_, source_tokenizer_.get(),
                             target_tokenizer_.get());
  if (!markers.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, "/config.json: ", markers.status().message()));
  }
  markers_ = *std::move(markers);
  return absl::OkStatus();
}

const text::SentenceSplitter& TranslationModel::splitter(
    absl::string_view source_language) const {
  const model::Language* language =
      model::FindLanguage(config_.languages, source_language);
  return language == nullptr ? *splitter_
                             : *splitters_[language - config_.languages.data()];
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
  options.steering.must_not_contain = defaults.suppressed_sequences;
  options.steering.not_first = defaults.suppressed_first_tokens;
  options.steering.repetition_penalty = defaults.repetition_penalty;
  options.steering.no_repeat_ngram_size = defaults.no_repeat_ngram_size;
  options.use_shortlist = weights_->shortlist() != nullptr;
  const double source_length =
      source_tokens + static_cast<double>(config_.tokens.num_added());
  const double max_length =
      defaults.max_length_factor * source_length + defaults.max_length_offset;
  options.max_length =
      static_cast<int>(std::min<double>(max_length, max_target_tokens()));
  options.min_length = std::min(defaults.min_length, options.max_length);
  return options;
}

absl::StatusOr<LanguagePair> TranslationModel::ChooseLanguages(
    absl::string_view source, absl::string_view target) const {
  LanguagePair pair;
  const auto choose = [&](absl::string_view field, absl::string_view own,
                          absl::string_view name, model::Language& chosen) {
    auto language = model::ChooseLanguage(config_.languages, own, name);
    if (!language.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": ", language.status().message()));
    }
    chosen = *std::move(language);
    return absl::OkStatus();
  };
  PEREGRINE_RETURN_IF_ERROR(
      choose("source_language", config_.source_language, source, pair.source));
  PEREGRINE_RETURN_IF_ERROR(
      choose("target_language", config_.target_language, target, pair.target));
  return pair;
}

}  // namespace peregrine
