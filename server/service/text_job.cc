#include "server/service/text_job.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "server/service/job_parts.h"

namespace peregrine::server {

absl::Status TextJob::Prepare(const ModelBackend& model,
                              const RequestLimits& limits) {
  model_ = &model;
  Violations violations;
  if (!model.takes_text()) {
    const std::string why = model.text_refusal();
    violations.Add("model",
                   absl::StrCat("takes tokens only: use TranslateTokens",
                                why.empty() ? "" : ", since ", why));
  }
  CheckCount(request_.names->texts, request_.texts.size(), limits, violations);
  languages_ = CheckHead(request_.head, model.info(), violations);
  CheckOptions({request_.head.options, "options"}, limits, model.info(),
               violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  const int count = static_cast<int>(request_.texts.size());
  ResponseSize size;
  for (int i = 0; i < count; ++i) {
    Check(i, limits, violations);
    const RequestText& text = request_.texts[i];
    size.Add(text.text.size(), request_.head.options.OverriddenBy(text.options)
                                   .num_hypotheses.value_or(1));
  }
  size.Check(request_.names->texts, limits, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  texts_.reserve(count);
  for (const RequestText& text : request_.texts) Plan(text);
  return absl::OkStatus();
}

void TextJob::Check(int index, const RequestLimits& limits,
                    Violations& violations) const {
  const RequestText& text = request_.texts[index];
  const size_t bytes = text.text.size();
  if (bytes > static_cast<size_t>(limits.max_text_bytes)) {
    violations.Add(request_.names->text(index),
                   absl::StrCat("found ", bytes, " bytes, allowed at most ",
                                limits.max_text_bytes));
  }
  const OptionsLayer layer = {text.options, request_.names->options(index)};
  Violations own;
  CheckOptions(layer, limits, model_->info(), own);
  if (own.status().ok()) {
    CheckCombination(layer, {request_.head.options, "options"},
                     model_->DefaultOptions(1).beam_size, own);
  }
  violations.Append(own);
}

void TextJob::Plan(const RequestText& text) {
  Planned planned;
  planned.plan =
      model_->Plan(text.text, request_.single_sentence, languages_.source.code);
  planned.first_sentence = num_sentences_;
  num_sentences_ += static_cast<int>(planned.plan->sentences().size());
  texts_.push_back(std::move(planned));
}

std::vector<Sentence> TextJob::MakeSentences(SentenceGroup& group,
                                             const SentenceTerms& terms) const {
  const SentenceMaker maker = {*model_, languages_, terms, group};
  std::vector<Sentence> sentences;
  sentences.reserve(num_sentences_);
  for (size_t i = 0; i < texts_.size(); ++i) {
    const RequestOptions options =
        request_.head.options.OverriddenBy(request_.texts[i].options);
    for (const std::vector<int32_t>& ids : texts_[i].plan->sentences()) {
      const int index = static_cast<int>(sentences.size());
      sentences.push_back(maker.Make(ids, options, index));
    }
  }
  return sentences;
}

TextAnswer TextJob::Take(SentenceGroup* group) const {
  TextAnswer answer;
  answer.model = model_->info().name;
  answer.revision = model_->info().revision;
  answer.texts.reserve(texts_.size());
  for (const Planned& text : texts_) {
    answer.texts.push_back(TakeOne(text, group));
  }
  return answer;
}

TranslatedText TextJob::TakeOne(const Planned& text,
                                SentenceGroup* group) const {
  TranslatedText translated;
  translated.cost.device = model_->info().device;
  const size_t count = text.plan->sentences().size();
  std::vector<std::vector<decode::Hypothesis>> hypotheses(count);
  for (size_t i = 0; i < count; ++i) {
    SentenceAnswer& answer =
        group->answer(text.first_sentence + static_cast<int>(i));
    AddCost(answer, translated.cost);
    hypotheses[i] = std::move(answer.hypotheses);
  }
  translated.translation = text.plan->Assemble(hypotheses);
  return translated;
}

}  // namespace peregrine::server
