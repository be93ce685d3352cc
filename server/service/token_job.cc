#include "server/service/token_job.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/text_plan.h"
#include "server/service/job_parts.h"
#include "server/service/priority.h"

namespace peregrine::server {

absl::Status TokenJob::Prepare(const ModelBackend& model,
                               const RequestLimits& limits) {
  model_ = &model;
  Violations violations;
  if (!model.has_tokenizers()) {
    violations.Add("model", "has no vocabulary that maps pieces to tokens");
  }
  CheckCount("sources", request_.sources.size(), limits, violations);
  CheckPriority(request_.head.priority, violations);
  languages_ = CheckLanguages(chosen_.source, chosen_.target, model.info(),
                              violations, request_.head.fields);
  const OptionsLayer options = {request_.head.options, "options"};
  CheckOptions(options, limits, model.info(), violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  const RequestOptions none;
  CheckCombination(options, {none, "options"},
                   model.DefaultOptions(1).beam_size, violations);
  ResponseSize size;
  for (size_t i = 0; i < request_.sources.size(); ++i) {
    const size_t tokens = request_.sources[i].size();
    for (const std::string& token : request_.sources[i]) {
      size.Add(token.size(), request_.head.options.num_hypotheses.value_or(1));
    }
    if (tokens > static_cast<size_t>(model.info().max_source_tokens)) {
      violations.Add(absl::StrCat("sources[", i, "].tokens"),
                     absl::StrCat("found ", tokens, " tokens, allowed at most ",
                                  model.info().max_source_tokens));
    }
  }
  size.Check("sources", limits, violations);
  CheckPhraseTokens(model, request_.head.options, "options", violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  EncodePhrases(model, request_.head.options);
  DemandSize demand_size;
  for (const std::vector<std::string>& sequence : request_.sources) {
    const std::vector<absl::string_view> pieces(sequence.begin(),
                                                sequence.end());
    Source source;
    int unknown = 0;
    source.ids = model.SourceIds(pieces, unknown);
    source.has_unknown = unknown > 0;
    num_sentences_ += !source.ids.empty();
    const decode::DecodingOptions options_of_one =
        SentenceOptions(model, request_.head.options, languages_,
                        static_cast<int>(source.ids.size()));
    if (demand_size.Add(options_of_one.steering, "options", violations)) {
      CheckDemands(model, options_of_one, "options", violations);
    }
    sources_.push_back(std::move(source));
    PEREGRINE_RETURN_IF_ERROR(violations.status());
  }
  return absl::OkStatus();
}

std::vector<Sentence> TokenJob::MakeSentences(
    SentenceGroup& group, const SentenceTerms& terms) const {
  const SentenceMaker maker = {terms, group};
  std::vector<Sentence> sentences;
  sentences.reserve(num_sentences_);
  for (const Source& source : sources_) {
    if (source.ids.empty()) continue;
    const int index = static_cast<int>(sentences.size());
    sentences.push_back(
        maker.Make(source.ids,
                   SentenceOptions(*model_, request_.head.options, languages_,
                                   static_cast<int>(source.ids.size())),
                   index));
  }
  return sentences;
}

TokenAnswer TokenJob::Take(SentenceGroup* group) const {
  TokenAnswer answer;
  answer.model = model_->info().name;
  answer.revision = model_->info().revision;
  int next = 0;
  for (const Source& source : sources_) {
    if (!source.ids.empty()) {
      answer.sequences.push_back(TakeOne(source, group->answer(next++)));
      continue;
    }
    TranslatedTokens empty;
    empty.hypotheses.emplace_back();
    empty.cost.device = model_->info().device;
    answer.sequences.push_back(std::move(empty));
  }
  return answer;
}

TranslatedTokens TokenJob::TakeOne(const Source& source,
                                   SentenceAnswer& answer) const {
  TranslatedTokens translated;
  for (const decode::Hypothesis& hypothesis : answer.hypotheses) {
    TranslatedTokens::Hypothesis named;
    for (int32_t id : hypothesis.tokens) {
      named.tokens.push_back(model_->TargetPiece(id));
    }
    named.score = hypothesis.score;
    if (request_.head.options.returns_tokens()) {
      named.details = DescribeTokens(*model_, hypothesis, request_.head.options,
                                     /*first_source=*/0);
    }
    translated.hypotheses.push_back(std::move(named));
    translated.truncated |= hypothesis.truncated;
  }
  translated.repetition = LooksLikeLoop(answer.hypotheses[0].tokens);
  translated.unknown_source = source.has_unknown;
  AddCost(answer, translated.cost);
  translated.cost.device = model_->info().device;
  return translated;
}

}  // namespace peregrine::server
