#include "server/service/request.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/models/demand_loader.h"
#include "server/service/model_choice.h"
#include "server/service/priority.h"

namespace peregrine::server {

namespace {

// What stands between two models was within the limits as it came.
RequestLimits OfIntermediate(RequestLimits limits) {
  limits.max_text_bytes = std::numeric_limits<int>::max();
  limits.max_response_bytes = std::numeric_limits<int>::max();
  return limits;
}

}  // namespace

absl::optional<absl::Status> Request::Submit(Read read, Done done) {
  PEREGRINE_RETURN_IF_ERROR(Begin(read));
  done_ = std::move(done);
  return Continue();
}

absl::optional<absl::Status> Request::Continue() {
  PEREGRINE_ASSIGN_OR_RETURN(
      ModelChoice choice,
      ChooseModel(call_.environment().models, job_->head(), job_->texts()));
  if (!choice.missing.empty()) return AwaitModel(choice.missing);
  PEREGRINE_RETURN_IF_ERROR(Prepare(std::move(choice)));
  if (first_job_ == nullptr) {
    return SubmitJob(*job_, model_, [this] { End(group_->status()); });
  }
  if (first_job_->num_sentences() == 0) return SubmitLast();
  return SubmitJob(*first_job_, first_model_, [this] { EndFirst(); });
}

absl::optional<absl::Status> Request::SubmitJob(const Job& job,
                                                const ServedModelPtr& model,
                                                std::function<void()> done) {
  if (job.num_sentences() == 0) return absl::OkStatus();
  PEREGRINE_RETURN_IF_ERROR(SetGroup(
      std::make_unique<SentenceGroup>(job.num_sentences(), std::move(done)),
      model));
  PEREGRINE_RETURN_IF_ERROR(
      SubmitSentences(model, job.MakeSentences(*group_, terms_)));
  return absl::nullopt;  // and *this may be gone
}

absl::Status Request::SubmitSentences(const ServedModelPtr& model,
                                      std::vector<Sentence> sentences) {
  const CallEnvironment& environment = call_.environment();
  const uint64_t client = call_.client()->id();
  const bool per_client = environment.options.cache.per_client;
  // Clients without a name cannot be told from each other.
  if (environment.cache == nullptr || call_.info().no_cache ||
      job_->head().no_cache || (per_client && client == 0)) {
    return model->batcher().Submit(std::move(sentences));
  }
  return environment.cache->Submit(model, per_client ? client : 0,
                                   std::move(sentences));
}

void Request::EndFirst() {
  absl::optional<absl::Status> ended = group_->status();
  if (ended->ok()) ended = SubmitLast();
  if (ended.has_value()) End(*ended);
}

absl::optional<absl::Status> Request::SubmitLast() {
  job_->EndPivot(group_.get());
  PEREGRINE_RETURN_IF_ERROR(SetGroup(nullptr, nullptr));
  PEREGRINE_RETURN_IF_ERROR(
      job_->Prepare(model_->backend(), OfIntermediate(model_->limits())));
  return SubmitJob(*job_, model_, [this] { End(group_->status()); });
}

void Request::End(const absl::Status& status) {
  const Done done = std::move(done_);
  const absl::Status ended = status;
  done(ended);  // may destroy *this
}

absl::optional<absl::Status> Request::AwaitModel(const std::string& name) {
  DemandLoader& loader = *call_.environment().loader;
  const uint64_t waiter = loader.NewWaiter();
  const absl::Time deadline = terms_.deadline;
  {
    absl::MutexLock lock(&mutex_);
    if (abandoned_) return CallCancelledError();
    waiter_ = waiter;
  }
  loader.Await(waiter, name, deadline, [this](const absl::Status& status) {
    absl::optional<absl::Status> ended = status;
    if (ended->ok()) ended = Continue();
    if (ended.has_value()) End(*ended);
  });
  return absl::nullopt;  // and *this may be gone
}

absl::Status Request::Begin(Read read) {
  PEREGRINE_RETURN_IF_ERROR(ticket_.Enter(call_.client(), start_));
  if (deadline_ <= start_) return DeadlinePassedError();
  PEREGRINE_ASSIGN_OR_RETURN(job_, read());
  const RequestHead& head = job_->head();
  if (head.timeout <= absl::ZeroDuration()) return DeadlinePassedError();
  terms_ = {std::min(deadline_, start_ + head.timeout),
            FlowOf(*call_.client(), head.priority)};
  return absl::OkStatus();
}

absl::Status Request::Prepare(ModelChoice choice) {
  model_ = std::move(choice.model);
  first_model_ = std::move(choice.first);
  job_->SetLanguages(std::move(choice.languages));
  const TextResources* const texts = call_.environment().texts;
  if (texts != nullptr) job_->SetTextResources(*texts);
  PEREGRINE_RETURN_IF_ERROR(model_->batcher().CheckOpen(terms_));
  if (first_model_ == nullptr) {
    return job_->Prepare(model_->backend(), model_->limits());
  }
  PEREGRINE_RETURN_IF_ERROR(first_model_->batcher().CheckOpen(terms_));
  PEREGRINE_ASSIGN_OR_RETURN(
      first_job_, job_->BeginPivot(model_->backend(), model_->limits(),
                                   std::move(choice.first_languages)));
  return first_job_->Prepare(first_model_->backend(), first_model_->limits());
}

int Request::num_sentences() const {
  return (job_ == nullptr ? 0 : job_->num_sentences()) +
         (first_job_ == nullptr ? 0 : first_job_->num_sentences());
}

absl::Status Request::SetGroup(std::unique_ptr<SentenceGroup> group,
                               const ServedModelPtr& model) {
  group_.swap(group);  // the old one goes without the lock
  absl::MutexLock lock(&mutex_);
  submitted_ = nullptr;
  if (abandoned_) return CallCancelledError();
  submitted_ = group_.get();
  submitted_to_ = model;
  return absl::OkStatus();
}

Request::Abandoned Request::Abandon() {
  absl::MutexLock lock(&mutex_);
  abandoned_ = true;
  if (submitted_ == nullptr) {
    return {nullptr, nullptr, 0, call_.environment().loader, waiter_};
  }
  submitted_->Abandon();
  return {submitted_to_, call_.environment().cache, submitted_->id(), nullptr,
          0};
}

void Request::Abandoned::Remove() const {
  if (loader != nullptr && waiter != 0) loader->Cancel(waiter);
  if (model == nullptr) return;
  model->batcher().RemoveGroup(group);
  if (cache != nullptr) cache->RemoveGroup(group);
}

void Request::Count(const absl::Status& status) const {
  call_.client()->outcomes().Add(status.code());
  call_.environment().metrics.CountRefusal(ReasonOf(status));
  if (model_ == nullptr) return;
  CountOn(*model_, status);
  if (first_model_ == nullptr) return;
  model_->metrics().pivot_requests.Add(1);
  if (first_model_ != model_) CountOn(*first_model_, status);
}

void Request::CountOn(const ServedModel& model,
                      const absl::Status& status) const {
  model.metrics().requests.Add(status.code());
  if (!status.ok()) return;
  model.metrics().request_seconds.Observe(
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
