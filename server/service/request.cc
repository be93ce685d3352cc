#include "server/service/request.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/service/model_choice.h"
#include "server/service/priority.h"

namespace peregrine::server {

absl::optional<absl::Status> Request::Submit(Read read, Done done) {
  SentenceTerms terms;
  PEREGRINE_RETURN_IF_ERROR(Prepare(read, terms));
  if (job_->num_sentences() == 0) return absl::OkStatus();
  PEREGRINE_RETURN_IF_ERROR(SetGroup(std::make_unique<SentenceGroup>(
      job_->num_sentences(),
      [this, done = std::move(done)] { done(group_->status()); })));
  PEREGRINE_RETURN_IF_ERROR(
      SubmitSentences(job_->MakeSentences(*group_, terms)));
  return absl::nullopt;  // and *this may be gone
}

absl::Status Request::SubmitSentences(std::vector<Sentence> sentences) {
  const CallEnvironment& environment = call_.environment();
  const uint64_t client = call_.client()->id();
  const bool per_client = environment.options.cache.per_client;
  // Clients without a name cannot be told from each other.
  if (environment.cache == nullptr || call_.info().no_cache ||
      job_->head().no_cache || (per_client && client == 0)) {
    return model_->batcher().Submit(std::move(sentences));
  }
  return environment.cache->Submit(model_, per_client ? client : 0,
                                   std::move(sentences));
}

absl::Status Request::Prepare(Read read, SentenceTerms& terms) {
  PEREGRINE_RETURN_IF_ERROR(ticket_.Enter(call_.client(), start_));
  if (deadline_ <= start_) return DeadlinePassedError();
  PEREGRINE_ASSIGN_OR_RETURN(job_, read());
  const RequestHead& head = job_->head();
  if (head.timeout <= absl::ZeroDuration()) return DeadlinePassedError();
  terms = {std::min(deadline_, start_ + head.timeout),
           FlowOf(*call_.client(), head.priority)};
  PEREGRINE_ASSIGN_OR_RETURN(
      ModelChoice choice,
      ChooseModel(call_.environment().models, head, job_->texts()));
  model_ = std::move(choice.model);
  job_->SetLanguages(std::move(choice.languages));
  PEREGRINE_RETURN_IF_ERROR(model_->batcher().CheckOpen(terms));
  return job_->Prepare(model_->backend(), model_->limits());
}

absl::Status Request::SetGroup(std::unique_ptr<SentenceGroup> group) {
  group_ = std::move(group);
  absl::MutexLock lock(&mutex_);
  if (abandoned_) return CallCancelledError();
  submitted_ = group_.get();
  return absl::OkStatus();
}

Request::Abandoned Request::Abandon() {
  absl::MutexLock lock(&mutex_);
  abandoned_ = true;
  if (submitted_ == nullptr) return {};
  submitted_->Abandon();
  return {model_, call_.environment().cache, submitted_->id()};
}

void Request::Abandoned::Remove() const {
  if (model == nullptr) return;
  model->batcher().RemoveGroup(group);
  if (cache != nullptr) cache->RemoveGroup(group);
}

void Request::Count(const absl::Status& status) const {
  call_.client()->outcomes().Add(status.code());
  call_.environment().metrics.CountRefusal(ReasonOf(status));
  if (model_ == nullptr) return;
  model_->metrics().requests.Add(status.code());
  if (!status.ok()) return;
  model_->metrics().request_seconds.Observe(
      absl::ToDoubleSeconds(absl::Now() - start_));
}

void Request::Count(const TextAnswer& answer) const {
  Count(absl::OkStatus());
  for (const TranslatedText& text : answer.texts) {
    CountFlag(text.translation.truncated, TranslationFlag::kTruncated);
    CountFlag(text.translation.repetition, TranslationFlag::kRepetition);
    CountFlag(text.translation.unknown_source, TranslationFlag::kUnknownSource);
    CountFlag(text.translation.source_split, TranslationFlag::kSourceSplit);
    CountFlag(!text.translation.lost.empty(), TranslationFlag::kSpanLost);
    CountFlag(text.translation.numbers_differ, TranslationFlag::kNumbersDiffer);
    CountFlag(text.translation.source_copied, TranslationFlag::kSourceCopied);
    CountFlag(text.translation.empty, TranslationFlag::kEmpty);
  }
}

void Request::Count(const TokenAnswer& answer) const {
  Count(absl::OkStatus());
  for (const TranslatedTokens& tokens : answer.sequences) {
    CountFlag(tokens.truncated, TranslationFlag::kTruncated);
    CountFlag(tokens.repetition, TranslationFlag::kRepetition);
    CountFlag(tokens.unknown_source, TranslationFlag::kUnknownSource);
  }
}

void Request::Count(const ScoreAnswer& answer) const {
  Count(absl::OkStatus());
  for (const ScoredText& text : answer.texts) {
    CountFlag(text.unknown_source, TranslationFlag::kUnknownSource);
  }
}

void Request::CountFlag(bool is_set, TranslationFlag flag) const {
  if (is_set) model_->metrics().flagged[static_cast<int>(flag)].Add(1);
}

}  // namespace peregrine::server
