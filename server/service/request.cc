#include "server/service/request.h"

#include <algorithm>
#include <limits>
#include <set>
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
  absl::StatusOr<std::vector<ModelChoice>> chosen =
      ChooseModels(call_.environment().models, job_->head(), job_->texts());
  if (!chosen.ok()) {
    // Without texts it is that what is wrong.
    PEREGRINE_RETURN_IF_ERROR(job_->CheckPresent());
    return chosen.status();
  }
  std::vector<ModelChoice>& choices = *chosen;
  for (const ModelChoice& choice : choices) {
    if (!choice.missing.empty()) return AwaitModel(choice.missing, choices);
  }
  if (choices.size() > 1 || choices[0].stays)
    return SubmitParts(std::move(choices));
  PEREGRINE_RETURN_IF_ERROR(Prepare(std::move(choices[0])));
  return Start();
}

absl::optional<absl::Status> Request::Start() {
  if (first_job_ == nullptr) {
    return SubmitJob(*job_, model_, [this] { End(group_->status()); });
  }
  if (first_job_->num_sentences() == 0) return SubmitLast();
  return SubmitJob(*first_job_, first_model_, [this] { EndFirst(); });
}

absl::Status Request::MakeParts(std::vector<ModelChoice> choices) {
  std::vector<Part> parts;
  for (ModelChoice& choice : choices) {
    if (choice.stays) {
      PEREGRINE_RETURN_IF_ERROR(
          job_->KeepTexts(choice.texts, std::move(choice.languages),
                          call_.environment().options.limits));
      continue;
    }
    Part part;
    part.texts = std::move(choice.texts);
    PEREGRINE_ASSIGN_OR_RETURN(part.job, job_->MakePart(part.texts));
    part.request = std::make_unique<Request>(call_, start_, deadline_);
    part.request->job_ = part.job;
    part.request->terms_ = terms_;
    // All checks come before any work.
    PEREGRINE_RETURN_IF_ERROR(part.request->Prepare(std::move(choice)));
    parts.push_back(std::move(part));
  }
  absl::MutexLock lock(&mutex_);
  if (abandoned_) return CallCancelledError();
  parts_ = std::move(parts);
  has_parts_ = true;
  return absl::OkStatus();
}

absl::optional<absl::Status> Request::SubmitParts(
    std::vector<ModelChoice> choices) {
  PEREGRINE_RETURN_IF_ERROR(MakeParts(std::move(choices)));
  // One more, so that the last part cannot end all of them from within.
  open_parts_ = static_cast<int>(parts_.size()) + 1;
  for (const Part& part : parts_) {
    part.request->done_ = [this](const absl::Status& status) {
      EndPart(status);
      if (--open_parts_ == 0) End(EndParts());
    };
    const absl::optional<absl::Status> ended = part.request->Start();
    if (!ended.has_value()) continue;
    EndPart(*ended);
    --open_parts_;
  }
  if (--open_parts_ == 0) return EndParts();
  return absl::nullopt;  // and *this may be gone
}

// Before it is counted as ended, so that all parts are still there.
void Request::EndPart(const absl::Status& status) {
  if (status.ok()) return;
  {
    absl::MutexLock lock(&mutex_);
    if (!failed_part_.ok()) return;
    failed_part_ = status;
  }
  // Nobody wants the others any more.
  for (const Part& part : parts_) part.request->Abandon().Remove();
}

absl::Status Request::EndParts() {
  {
    absl::MutexLock lock(&mutex_);
    if (!failed_part_.ok()) return failed_part_;
  }
  for (size_t i = 0; i < parts_.size(); ++i) {
    job_->EndPart(i, parts_[i].request->group());
  }
  return absl::OkStatus();
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

absl::optional<absl::Status> Request::AwaitModel(
    const std::string& name, const std::vector<ModelChoice>& choices) {
  DemandLoader& loader = *call_.environment().loader;
  std::set<std::string> together;
  for (const ModelChoice& choice : choices) {
    together.insert(choice.needed.begin(), choice.needed.end());
  }
  PEREGRINE_RETURN_IF_ERROR(loader.CheckTogether(together));
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
  if (texts != nullptr) {
    job_->SetTextResources(*texts, call_.client()->name());
  }
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
  int count = (job_ == nullptr ? 0 : job_->num_sentences()) +
              (first_job_ == nullptr ? 0 : first_job_->num_sentences());
  for (const Part& part : parts_) count += part.request->num_sentences();
  return count;
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
  Abandoned abandoned;
  if (has_parts_) {
    for (const Part& part : parts_) {
      abandoned.parts.push_back(part.request->Abandon());
    }
  } else if (submitted_ == nullptr) {
    abandoned.loader = call_.environment().loader;
    abandoned.waiter = waiter_;
  } else {
    submitted_->Abandon();
    abandoned.model = submitted_to_;
    abandoned.cache = call_.environment().cache;
    abandoned.group = submitted_->id();
  }
  return abandoned;
}

void Request::Abandoned::Remove() const {
  for (const Abandoned& part : parts) part.Remove();
  if (loader != nullptr && waiter != 0) loader->Cancel(waiter);
  if (model == nullptr) return;
  model->batcher().RemoveGroup(group);
  if (cache != nullptr) cache->RemoveGroup(group);
}

void Request::Count(const absl::Status& status) const {
  call_.client()->outcomes().Add(status.code());
  call_.environment().metrics.CountRefusal(ReasonOf(status));
  CountModels(status);
}

void Request::CountModels(const absl::Status& status) const {
  for (const Part& part : parts_) part.request->CountModels(status);
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
  // Null: no text needed a model.
  if (model_ != nullptr) {
    for (const TranslatedText& text : answer.texts) CountFlags(text);
  }
  for (const Part& part : parts_) {
    for (int i : part.texts) {
      part.request->CountFlags(answer.texts[static_cast<size_t>(i)]);
    }
  }
}

void Request::CountFlags(const TranslatedText& text) const {
  CountFlag(text.translation.truncated, TranslationFlag::kTruncated);
  CountFlag(text.translation.repetition, TranslationFlag::kRepetition);
  CountFlag(text.translation.unknown_source, TranslationFlag::kUnknownSource);
  CountFlag(text.translation.source_split, TranslationFlag::kSourceSplit);
  CountFlag(!text.translation.lost.empty(), TranslationFlag::kSpanLost);
  CountFlag(text.translation.numbers_differ, TranslationFlag::kNumbersDiffer);
  CountFlag(text.translation.source_copied, TranslationFlag::kSourceCopied);
  CountFlag(text.translation.empty, TranslationFlag::kEmpty);
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
