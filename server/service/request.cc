#include "server/service/request.h"

#include <utility>

#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
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
      model_->batcher().Submit(job_->MakeSentences(*group_, terms)));
  return absl::nullopt;  // and *this may be gone
}

absl::Status Request::Prepare(Read read, SentenceTerms& terms) {
  PEREGRINE_RETURN_IF_ERROR(ticket_.Enter(call_.client(), start_));
  if (deadline_ <= start_) return DeadlinePassedError();
  PEREGRINE_ASSIGN_OR_RETURN(job_, read());
  const RequestHead& head = job_->head();
  terms = {deadline_, FlowOf(*call_.client(), head.priority)};
  PEREGRINE_ASSIGN_OR_RETURN(
      model_, call_.environment().models.Find(head.model, "model"));
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
  return {model_};
}

void Request::Abandoned::Remove() const {
  if (model != nullptr) model->batcher().RemoveAbandoned();
}

void Request::Count(const absl::Status& status) const {
  if (model_ == nullptr) {
    call_.environment().requests_without_model.Add(status.code());
    return;
  }
  model_->metrics().requests.Add(status.code());
  if (!status.ok()) return;
  model_->metrics().request_seconds.Observe(
      absl::ToDoubleSeconds(absl::Now() - start_));
}

}  // namespace peregrine::server
