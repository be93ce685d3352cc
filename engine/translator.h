#ifndef PEREGRINE_ENGINE_TRANSLATOR_H_
#define PEREGRINE_ENGINE_TRANSLATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/decode/session.h"
#include "engine/kernels/kernels.h"
#include "engine/text_plan.h"
#include "engine/translation_model.h"

namespace peregrine {

// The engine as a library: text in, text out, on the calling thread. The server
// does the same in stages, spread over its threads. Not thread-safe; several
// translators may share a model.
//
//   auto model = TranslationModel::Load("models/en-de-mdn",
//   kernels::Device::kCpu); auto translator = Translator::Create(**model, {});
//   auto translations = (*translator)->Translate({"Hello, world!"});
class Translator {
 public:
  // `model` must outlive the translator.
  static absl::StatusOr<std::unique_ptr<Translator>> Create(
      const TranslationModel& model, const decode::SessionLimits& limits);

  // One translation a text, in order, with the model's default options, from
  // and to languages as TranslationModel::ChooseLanguages knows them.
  // INVALID_ARGUMENT names the language that the model lacks, or the text that
  // is not UTF-8.
  absl::StatusOr<std::vector<TextTranslation>> Translate(
      absl::Span<const std::string> texts,
      absl::string_view source_language = "",
      absl::string_view target_language = "");

  // Decodes sentences of token ids as `limits` allow, in any order; outputs
  // are in the order of the inputs, whose ids are ignored.
  absl::StatusOr<std::vector<decode::SentenceOutput>> Decode(
      std::vector<decode::SentenceInput> sentences);

 private:
  explicit Translator(const TranslationModel& model) : model_(model) {}

  const TranslationModel& model_;
  std::unique_ptr<kernels::Kernels> kernels_;
  std::unique_ptr<decode::Session> session_;
};

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_TRANSLATOR_H_
