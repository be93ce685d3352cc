#include "server/service/score_job.h"

#include <algorithm>
#include <limits>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "engine/base/status_macros.h"
#include "server/service/job_parts.h"
#include "server/service/priority.h"

namespace peregrine::server {
namespace {

std::vector<absl::string_view> ViewsOf(const std::vector<std::string>& pieces) {
  return {pieces.begin(), pieces.end()};
}

size_t SizeOf(const RequestPhrase& phrase) {
  size_t bytes = phrase.text.size();
  for (const std::string& token : phrase.tokens) bytes += token.size();
  return bytes;
}

void CheckForm(const RequestPhrase& phrase, const std::string& path,
               const ModelBackend& model, const RequestLimits& limits,
               Violations& violations) {
  if (!phrase.text.empty() && !phrase.tokens.empty()) {
    violations.Add(path, "found text and tokens, allowed one of them");
  }
  if (!phrase.text.empty() && !model.takes_text()) {
    violations.Add(absl::StrCat(path, ".text"),
                   "the model takes tokens only: use `tokens`");
  }
  const size_t bytes = SizeOf(phrase);
  if (bytes > static_cast<size_t>(limits.max_text_bytes)) {
    violations.Add(path,
                   absl::StrCat("found ", bytes, " bytes, allowed at most ",
                                limits.max_text_bytes));
  }
}

}  // namespace

absl::Status ScoreJob::Prepare(const ModelBackend& model,
                               const RequestLimits& limits) {
  model_ = &model;
  Violations violations;
  if (!model.has_tokenizers()) {
    violations.Add("model", "has no vocabulary that maps pieces to tokens");
  }
  CheckCount("pairs", request_.pairs.size(), limits, violations);
  CheckPriority(request_.head.priority, violations);
  languages_ = CheckLanguages(chosen_.source, chosen_.target, model.info(),
                              violations, request_.head.fields);
  CheckOptions({request_.head.options, ""}, limits, model.info(), violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());
  CheckSizes(limits, violations);
  PEREGRINE_RETURN_IF_ERROR(violations.status());

  pairs_.reserve(request_.pairs.size());
  ResponseSize size;
  for (size_t i = 0; i < request_.pairs.size(); ++i) {
    Encode(request_.pairs[i], absl::StrCat("pairs[", i, "]"), violations);
    const bool aligns = request_.head.options.return_alignments.value_or(false);
    const size_t numbers = aligns ? pairs_.back().source.size() : 0;
    size.Add(pairs_.back().target.size() * (16 + 8 * numbers), 1);
  }
  size.Check("pairs", limits, violations);
  return violations.status();
}

void ScoreJob::CheckSizes(const RequestLimits& limits,
                          Violations& violations) const {
  ResponseSize size;
  Violations of_pairs;
  for (size_t i = 0; i < request_.pairs.size(); ++i) {
    const ScoreRequest::Pair& pair = request_.pairs[i];
    const std::string path = absl::StrCat("pairs[", i, "]");
    CheckForm(pair.source, path + ".source", *model_, limits, of_pairs);
    CheckForm(pair.target, path + ".target", *model_, limits, of_pairs);
    size.Add(SizeOf(pair.target), 1);
  }
  violations.Append(of_pairs);
  size.Check("pairs", limits, violations);
}

void ScoreJob::Encode(const ScoreRequest::Pair& pair, const std::string& path,
                      Violations& violations) {
  Pair encoded;
  Violations own;
  EncodeSource(pair.source, path + ".source", encoded, own);
  EncodeTarget(pair.target, path + ".target", encoded, own);
  violations.Append(own);
  pairs_.push_back(std::move(encoded));
}

void ScoreJob::EncodeSource(const RequestPhrase& source,
                            const std::string& path, Pair& pair,
                            Violations& violations) const {
  const int most = model_->info().max_source_tokens;
  if (!source.tokens.empty()) {
    int unknown = 0;
    pair.source = model_->SourceIds(ViewsOf(source.tokens), unknown);
    pair.has_unknown = unknown > 0;
  } else {
    pair.source = model_->EncodeSource(source.text);
    pair.has_unknown = std::count(pair.source.begin(), pair.source.end(),
                                  model_->UnknownSource()) > 0;
  }
  if (pair.source.empty()) {
    violations.Add(path, "found no token, expected at least 1");
  } else if (pair.source.size() > static_cast<size_t>(most)) {
    violations.Add(path, absl::StrCat("found ", pair.source.size(),
                                      " tokens, allowed at most ", most));
  }
}

void ScoreJob::EncodeTarget(const RequestPhrase& target,
                            const std::string& path, Pair& pair,
                            Violations& violations) const {
  CheckPieces(*model_, target.tokens, path, violations);
  if (!target.tokens.empty() || !target.text.empty()) {
    pair.target = TokensOf(*model_, target);
  }
  const decode::DecodingOptions defaults =
      SentenceOptions(*model_, request_.head.options, languages_,
                      static_cast<int>(pair.source.size()));
  pair.options = decode::ScoringOptions(defaults, pair.target.size(),
                                        std::numeric_limits<int>::max());
  const absl::Status status = model_->CheckTarget(pair.target, pair.options);
  if (!status.ok()) violations.Add(path, std::string(status.message()));
}

std::vector<Sentence> ScoreJob::MakeSentences(
    SentenceGroup& group, const SentenceTerms& terms) const {
  std::vector<Sentence> sentences;
  sentences.reserve(pairs_.size());
  for (const Pair& pair : pairs_) {
    Sentence& sentence = sentences.emplace_back();
    sentence.source = pair.source;
    sentence.target = pair.target;
    sentence.options = pair.options;
    sentence.deadline = terms.deadline;
    sentence.flow = terms.flow;
    sentence.group = &group;
    sentence.index = static_cast<int>(sentences.size()) - 1;
  }
  // Translations of one source, as of an n-best list.
  absl::flat_hash_set<absl::Span<const int32_t>> later;
  for (size_t i = pairs_.size(); i-- > 0;) {
    sentences[i].keep_source = !later.insert(pairs_[i].source).second;
  }
  return sentences;
}

ScoreAnswer ScoreJob::Take(SentenceGroup* group) const {
  ScoreAnswer answer;
  answer.model = model_->info().name;
  answer.revision = model_->info().revision;
  answer.texts.reserve(pairs_.size());
  for (size_t i = 0; i < pairs_.size(); ++i) {
    answer.texts.push_back(TakeOne(request_.pairs[i], pairs_[i],
                                   group->answer(static_cast<int>(i))));
  }
  return answer;
}

ScoredText ScoreJob::TakeOne(const ScoreRequest::Pair& asked, const Pair& pair,
                             SentenceAnswer& answer) const {
  const decode::Hypothesis& hypothesis = answer.hypotheses[0];
  ScoredText scored;
  scored.score = hypothesis.score;
  for (float score : hypothesis.token_scores) scored.log_probability += score;
  scored.tokens = DescribeTokens(*model_, hypothesis, request_.head.options,
                                 /*first_source=*/0);
  TargetToken& end = scored.tokens.emplace_back();
  end.token = model_->TargetPiece(model_->EndSymbol());
  end.score = hypothesis.token_scores.back();
  if (request_.head.options.return_alignments.value_or(false)) {
    for (int32_t id : pair.source) {
      scored.source_tokens.push_back(model_->SourcePiece(id));
    }
    if (asked.source.tokens.empty() && asked.target.tokens.empty()) {
      scored.words = model_->AlignWords(asked.source.text, pair.source,
                                        asked.target.text, hypothesis);
    }
  }
  scored.unknown_source = pair.has_unknown;
  AddCost(answer, scored.cost);
  scored.cost.device = model_->info().device;
  return scored;
}

}  // namespace peregrine::server
