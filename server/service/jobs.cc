#include "server/service/jobs.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/text_plan.h"
#include "server/service/priority.h"

namespace peregrine::server {
namespace {

using google::protobuf::Duration;

void SetDuration(absl::Duration duration, Duration* proto) {
  const int64_t nanos = absl::ToInt64Nanoseconds(duration);
  proto->set_seconds(nanos / 1000000000);
  proto->set_nanos(static_cast<int32_t>(nanos % 1000000000));
}

// Adds up what the answers of one text took.
class CostSum {
 public:
  void Add(const SentenceAnswer& answer) {
    queue_ = std::max(queue_, answer.queue_time);
    encode_ = std::max(encode_, answer.encode_time);
    decode_ = std::max(decode_, answer.decode_time);
    source_tokens_ += answer.source_tokens;
    target_tokens_ += static_cast<int>(answer.hypotheses[0].tokens.size());
    ++sentences_;
  }

  void Fill(const std::string& device, v1::Cost& cost) const {
    SetDuration(queue_, cost.mutable_queue());
    SetDuration(encode_, cost.mutable_encode());
    SetDuration(decode_, cost.mutable_decode());
    cost.set_source_tokens(source_tokens_);
    cost.set_target_tokens(target_tokens_);
    cost.set_sentences(sentences_);
    cost.set_device(device);
  }

 private:
  absl::Duration queue_, encode_, decode_;
  int source_tokens_ = 0;
  int target_tokens_ = 0;
  int sentences_ = 0;
};

Sentence MakeSentence(const std::vector<int32_t>& ids,
                      const v1::DecodingOptions& options,
                      const RequestLanguages& languages,
                      const ModelBackend& model, SentenceGroup& group,
                      int index, const SentenceTerms& terms) {
  Sentence sentence;
  sentence.source = ids;
  sentence.options = ResolveOptions(
      options, model.DefaultOptions(static_cast<int>(ids.size())),
      model.info());
  sentence.options.source_language = languages.source.token;
  if (languages.target.token >= 0) {
    sentence.options.rules.forced_first_token = languages.target.token;
  }
  sentence.deadline = terms.deadline;
  sentence.flow = terms.flow;
  sentence.group = &group;
  sentence.index = index;
  return sentence;
}

// What requests of every kind hold: checks it, but for the options.
template <typename Request>
RequestLanguages CheckCommon(const Request& request, const ModelInfo& model,
                             Violations& violations) {
  CheckPriority(request.priority(), violations);
  return CheckLanguages(request.source_language(), request.target_language(),
                        model, violations);
}

// That `field` has from one to as many elements as are allowed.
void CheckCount(absl::string_view field, int count, const RequestLimits& limits,
                Violations& violations) {
  if (count >= 1 && count <= limits.max_texts) return;
  violations.AddRange(std::string(field), count, 1, limits.max_texts);
}

}  // namespace

// ---- TextJob

absl::Status TextJob::Prepare(const v1::TranslateRequest& request) {
  Violations violations;
  if (!model_.has_tokenizers()) {
    violations.Add("model", "takes tokens only: use TranslateTokens");
  }
  CheckCount("texts", request.texts_size(), limits_, violations);
  languages_ = CheckCommon(request, model_.info(), violations);
  const OptionsLayer options = {request.options(), "options"};
  CheckOptions(options, limits_, model_.info(), violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  for (int i = 0; i < request.texts_size(); ++i) {
    Check(request.texts(i), absl::StrCat("texts[", i, "]"), options,
          violations);
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  texts_.reserve(request.texts_size());
  for (const v1::Text& text : request.texts()) {
    Add(text, request.options(), request.single_sentence());
  }
  return absl::OkStatus();
}

absl::Status TextJob::Prepare(const v1::TranslateStreamRequest& request) {
  Violations violations;
  if (!model_.has_tokenizers()) {
    violations.Add("model", "takes tokens only: use TranslateTokens");
  }
  languages_ = CheckCommon(request, model_.info(), violations);
  const v1::DecodingOptions none;
  Check(request.text(), "text", {none, "options"}, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  Add(request.text(), none, request.single_sentence());
  return absl::OkStatus();
}

void TextJob::Check(const v1::Text& text, const std::string& path,
                    const OptionsLayer& request_options,
                    Violations& violations) const {
  const int bytes = static_cast<int>(text.text().size());
  if (bytes > limits_.max_text_bytes) {
    violations.Add(absl::StrCat(path, ".text"),
                   absl::StrCat("found ", bytes, " bytes, allowed at most ",
                                limits_.max_text_bytes));
  }
  const OptionsLayer layer = {text.options(), absl::StrCat(path, ".options")};
  Violations own;
  CheckOptions(layer, limits_, model_.info(), own);
  if (own.status().ok()) {
    CheckCombination(layer, request_options, model_.DefaultOptions(1).beam_size,
                     own);
  }
  violations.Append(own);
}

void TextJob::Add(const v1::Text& text,
                  const v1::DecodingOptions& request_options,
                  bool single_sentence) {
  PlannedOne planned;
  planned.plan =
      model_.Plan(text.text(), single_sentence, languages_.source.code);
  planned.options = request_options;
  planned.options.MergeFrom(text.options());
  planned.first_sentence = num_sentences_;
  num_sentences_ += static_cast<int>(planned.plan->sentences().size());
  texts_.push_back(std::move(planned));
}

std::vector<Sentence> TextJob::MakeSentences(SentenceGroup& group,
                                             const SentenceTerms& terms) const {
  std::vector<Sentence> sentences;
  sentences.reserve(num_sentences_);
  for (const PlannedOne& text : texts_) {
    for (const std::vector<int32_t>& ids : text.plan->sentences()) {
      const int index = static_cast<int>(sentences.size());
      sentences.push_back(MakeSentence(ids, text.options, languages_, model_,
                                       group, index, terms));
    }
  }
  return sentences;
}

void TextJob::Fill(SentenceGroup* group,
                   v1::TranslateResponse& response) const {
  response.set_model(model_.info().name);
  response.mutable_translations()->Reserve(static_cast<int>(texts_.size()));
  for (const PlannedOne& text : texts_) {
    FillOne(text, group, *response.add_translations());
  }
}

void TextJob::Fill(SentenceGroup* group, v1::Translation& translation) const {
  FillOne(texts_[0], group, translation);
}

void TextJob::FillOne(const PlannedOne& text, SentenceGroup* group,
                      v1::Translation& translation) const {
  const size_t count = text.plan->sentences().size();
  std::vector<std::vector<decode::Hypothesis>> hypotheses(count);
  CostSum cost;
  for (size_t i = 0; i < count; ++i) {
    SentenceAnswer& answer =
        group->answer(text.first_sentence + static_cast<int>(i));
    cost.Add(answer);
    hypotheses[i] = std::move(answer.hypotheses);
  }
  TextTranslation result = text.plan->Assemble(hypotheses);
  for (TextHypothesis& hypothesis : result.hypotheses) {
    v1::Hypothesis* proto = translation.add_hypotheses();
    proto->set_text(std::move(hypothesis.text));
    proto->set_score(hypothesis.score);
  }
  if (result.truncated) translation.add_flags(v1::FLAG_TRUNCATED);
  if (result.repetition) translation.add_flags(v1::FLAG_REPETITION);
  if (result.unknown_source) translation.add_flags(v1::FLAG_UNKNOWN_SOURCE);
  if (result.source_split) translation.add_flags(v1::FLAG_SOURCE_SPLIT);
  cost.Fill(model_.info().device, *translation.mutable_cost());
}

// ---- TokenJob

absl::Status TokenJob::Prepare(const v1::TranslateTokensRequest& request) {
  Violations violations;
  if (!model_.has_tokenizers()) {
    violations.Add("model", "has no vocabulary that maps pieces to tokens");
  }
  CheckCount("sources", request.sources_size(), limits_, violations);
  languages_ = CheckCommon(request, model_.info(), violations);
  const OptionsLayer options = {request.options(), "options"};
  CheckOptions(options, limits_, model_.info(), violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  const v1::DecodingOptions none;
  CheckCombination(options, {none, "options"},
                   model_.DefaultOptions(1).beam_size, violations);
  for (int i = 0; i < request.sources_size(); ++i) {
    const int tokens = request.sources(i).tokens_size();
    if (tokens > model_.info().max_source_tokens) {
      violations.Add(absl::StrCat("sources[", i, "].tokens"),
                     absl::StrCat("found ", tokens, " tokens, allowed at most ",
                                  model_.info().max_source_tokens));
    }
  }
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  options_ = request.options();
  for (const v1::TokenSequence& sequence : request.sources()) {
    const std::vector<absl::string_view> pieces(sequence.tokens().begin(),
                                                sequence.tokens().end());
    Source source;
    int unknown = 0;
    source.ids = model_.SourceIds(pieces, unknown);
    source.has_unknown = unknown > 0;
    num_sentences_ += !source.ids.empty();
    sources_.push_back(std::move(source));
  }
  return absl::OkStatus();
}

std::vector<Sentence> TokenJob::MakeSentences(
    SentenceGroup& group, const SentenceTerms& terms) const {
  std::vector<Sentence> sentences;
  sentences.reserve(num_sentences_);
  for (const Source& source : sources_) {
    if (source.ids.empty()) continue;
    const int index = static_cast<int>(sentences.size());
    sentences.push_back(MakeSentence(source.ids, options_, languages_, model_,
                                     group, index, terms));
  }
  return sentences;
}

void TokenJob::Fill(SentenceGroup* group,
                    v1::TranslateTokensResponse& response) const {
  response.set_model(model_.info().name);
  int next = 0;
  for (const Source& source : sources_) {
    v1::TokenTranslation& translation = *response.add_translations();
    if (source.ids.empty()) {
      translation.add_hypotheses();
      CostSum().Fill(model_.info().device, *translation.mutable_cost());
    } else {
      FillOne(source, group->answer(next++), translation);
    }
  }
}

void TokenJob::FillOne(const Source& source, SentenceAnswer& answer,
                       v1::TokenTranslation& translation) const {
  bool truncated = false;
  for (const decode::Hypothesis& hypothesis : answer.hypotheses) {
    v1::TokenHypothesis* proto = translation.add_hypotheses();
    for (int32_t id : hypothesis.tokens)
      proto->add_tokens(model_.TargetPiece(id));
    proto->set_score(hypothesis.score);
    truncated |= hypothesis.truncated;
  }
  if (truncated) translation.add_flags(v1::FLAG_TRUNCATED);
  if (LooksLikeLoop(answer.hypotheses[0].tokens)) {
    translation.add_flags(v1::FLAG_REPETITION);
  }
  if (source.has_unknown) translation.add_flags(v1::FLAG_UNKNOWN_SOURCE);
  CostSum cost;
  cost.Add(answer);
  cost.Fill(model_.info().device, *translation.mutable_cost());
}

}  // namespace peregrine::server
