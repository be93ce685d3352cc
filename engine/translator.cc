#include "engine/translator.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/decode/decode_all.h"
#include "engine/kernels/device.h"
#include "engine/text/utf8.h"

namespace peregrine {

absl::StatusOr<std::unique_ptr<Translator>> Translator::Create(
    const TranslationModel& model, const decode::SessionLimits& limits) {
  auto translator = absl::WrapUnique(new Translator(model));
  PEREGRINE_ASSIGN_OR_RETURN(translator->kernels_,
                             kernels::MakeKernels(model.device()));
  PEREGRINE_ASSIGN_OR_RETURN(
      translator->session_,
      decode::Session::Create(model.weights(), *translator->kernels_, limits));
  return translator;
}

absl::StatusOr<std::vector<TextTranslation>> Translator::Translate(
    absl::Span<const std::string> texts, absl::string_view source_language,
    absl::string_view target_language) {
  PEREGRINE_ASSIGN_OR_RETURN(
      const LanguagePair languages,
      model_.ChooseLanguages(source_language, target_language));
  std::vector<TextPlan> plans;
  std::vector<decode::SentenceInput> sentences;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (const auto offset = text::FindInvalidUtf8(texts[i])) {
      return absl::InvalidArgumentError(
          absl::StrCat("texts[", i, "]: not UTF-8 at byte ", *offset));
    }
    plans.push_back(TextPlan::Make(model_, texts[i], /*single_sentence=*/false,
                                   languages.source.code));
    const TextPlan& plan = plans.back();
    for (size_t s = 0; s < plan.sentences().size(); ++s) {
      const std::vector<int32_t>& tokens = plan.sentences()[s];
      sentences.push_back(
          {0, tokens, model_.DefaultOptions(static_cast<int>(tokens.size()))});
      languages.Apply(sentences.back().options);
      sentences.back().options.align = plan.NeedsAlignment(s);
      plan.DemandMarkers(model_, s, &sentences.back().options);
    }
  }
  PEREGRINE_ASSIGN_OR_RETURN(auto outputs, Decode(std::move(sentences)));

  std::vector<TextTranslation> translations;
  size_t next = 0;
  for (const TextPlan& plan : plans) {
    std::vector<std::vector<decode::Hypothesis>> hypotheses;
    for (size_t i = 0; i < plan.sentences().size(); ++i) {
      PEREGRINE_RETURN_IF_ERROR(outputs[next].status);
      hypotheses.push_back(std::move(outputs[next++].hypotheses));
    }
    translations.push_back(plan.Assemble(model_, hypotheses));
  }
  return translations;
}

absl::StatusOr<std::vector<decode::SentenceOutput>> Translator::Decode(
    std::vector<decode::SentenceInput> sentences) {
  for (size_t i = 0; i < sentences.size(); ++i) {
    sentences[i].id = i;
    if (absl::Status status = session_->Validate(sentences[i]); !status.ok()) {
      return absl::Status(status.code(),
                          absl::StrCat("sentence ", i, ": ", status.message()));
    }
  }
  std::vector<decode::SentenceOutput> outputs(sentences.size());
  PEREGRINE_RETURN_IF_ERROR(decode::DecodeAll(
      *session_, sentences, [&](decode::SentenceOutput output) {
        outputs[output.id] = std::move(output);
      }));
  return outputs;
}

}  // namespace peregrine
