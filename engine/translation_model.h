#ifndef PEREGRINE_ENGINE_TRANSLATION_MODEL_H_
#define PEREGRINE_ENGINE_TRANSLATION_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/decode/decoding_options.h"
#include "engine/document/find_spans.h"
#include "engine/formats/checkpoint.h"
#include "engine/kernels/device.h"
#include "engine/markers.h"
#include "engine/model/config.h"
#include "engine/model/languages.h"
#include "engine/model/model.h"
#include "engine/text/sentence_splitter.h"
#include "engine/text/tokenizer.h"

namespace peregrine {

// The languages of one text, chosen from those of its model.
struct LanguagePair {
  model::Language source;
  model::Language target;

  void Apply(decode::DecodingOptions& options) const {
    options.source_language = source.token;
    if (target.token >= 0) options.rules.forced_first_token = target.token;
  }
};

// A model directory of any format, loaded: what it is, how its text becomes
// tokens, and its weights on one device. Immutable and thread-safe; sessions of
// any number of workers share it.
class TranslationModel {
 public:
  // Reads and checks all of `directory`. The error names the file, the field
  // or tensor, what was found and what was expected. RESOURCE_EXHAUSTED: too
  // little memory.
  static absl::StatusOr<std::unique_ptr<const TranslationModel>> Load(
      const std::string& directory, kernels::Device device,
      kernels::Precision precision = kernels::Precision::kFloat32);

  // The same of a checkpoint, which errors call `name`.
  static absl::StatusOr<std::unique_ptr<const TranslationModel>> Create(
      formats::Checkpoint checkpoint, const std::string& name,
      kernels::Device device, kernels::Precision precision);

  // For people: "Hugging Face MarianMT".
  const std::string& format() const { return format_; }
  const model::ModelConfig& config() const { return config_; }
  kernels::Device device() const { return device_; }
  kernels::Precision precision() const { return precision_; }
  const model::Model& weights() const { return *weights_; }

  // Null where the model has none: tokens in, tokens out only.
  const text::Tokenizer* source_tokenizer() const {
    return source_tokenizer_.get();
  }
  // Whether some piece of the source vocabulary holds the character; a
  // vocabulary of words need not have it alone.
  bool HasSourceCharacter(int32_t code_point) const {
    return source_characters_.contains(code_point);
  }
  const text::Tokenizer* target_tokenizer() const {
    return target_tokenizer_.get();
  }

  // Whether text is translated, or tokens only; and why only these, where more
  // is to be said than that there is no tokenizer.
  bool takes_text() const {
    return source_tokenizer_ != nullptr && text_refusal_.empty();
  }
  const std::string& text_refusal() const { return text_refusal_; }

  // By the rules of a source language; of the model's own where it has no such.
  const text::SentenceSplitter& splitter(
      absl::string_view source_language = "") const;

  // Those of its config.json; null where there are none.
  const std::shared_ptr<const document::SpanPatterns>& patterns() const {
    return patterns_;
  }

  // What it was trained to copy; most models have none.
  const Markers& markers() const { return markers_; }

  // Longest source (without the suffix) and target that the positions allow.
  int max_source_tokens() const;
  int max_target_tokens() const;

  // The model's own options for a source of `source_tokens`.
  decode::DecodingOptions DefaultOptions(int source_tokens) const;

  // From which language to which to translate, as requests name them; "" is
  // the model's default. INVALID_ARGUMENT says which languages it has.
  absl::StatusOr<LanguagePair> ChooseLanguages(absl::string_view source,
                                               absl::string_view target) const;

 private:
  TranslationModel() = default;
  static absl::StatusOr<std::unique_ptr<const TranslationModel>> Make(
      formats::Checkpoint checkpoint, const std::string& name,
      kernels::Device device, kernels::Precision precision);
  absl::Status MakeSplitters(const std::string& name);
  absl::Status MakePatterns(const std::string& name);
  absl::Status MakeMarkers(std::vector<std::string> texts,
                           const std::string& name);

  std::string format_;
  model::ModelConfig config_;
  kernels::Device device_ = kernels::Device::kCpu;
  kernels::Precision precision_ = kernels::Precision::kFloat32;
  std::shared_ptr<const text::Tokenizer> source_tokenizer_;
  std::shared_ptr<const text::Tokenizer> target_tokenizer_;
  absl::flat_hash_set<int32_t> source_characters_;  // code points
  std::string text_refusal_;
  std::shared_ptr<const document::SpanPatterns> patterns_;
  Markers markers_;
  std::unique_ptr<const text::SentenceSplitter> splitter_;
  // Of config_.languages, side by side with them.
  std::vector<std::unique_ptr<const text::SentenceSplitter>> splitters_;
  std::unique_ptr<const model::Model> weights_;
};

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_TRANSLATION_MODEL_H_
