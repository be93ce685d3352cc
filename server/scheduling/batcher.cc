#include "server/scheduling/batcher.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "server/errors.h"
#include "server/scheduling/intake.h"
#include "server/scheduling/sentence_group.h"

namespace peregrine::server {
namespace {

AdmissionOptions QueueOptions(const BatcherOptions& options) {
  AdmissionOptions queue = options.queue;
  queue.num_workers = options.num_workers;
  queue.max_batch_rows = options.session.max_rows;
  return queue;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Batcher>> Batcher::Start(
    const ModelBackend& backend, const BatcherOptions& options,
    ModelMetrics& metrics) {
  std::unique_ptr<Batcher> batcher(new Batcher(backend, options, metrics));
  PEREGRINE_RETURN_IF_ERROR(batcher->StartWorkers());
  return batcher;
}

Batcher::Batcher(const ModelBackend& backend, const BatcherOptions& options,
                 ModelMetrics& metrics)
    : backend_(backend),
      options_(options),
      metrics_(metrics),
      queue_(QueueOptions(options)) {}

Batcher::~Batcher() { Stop(); }

absl::Status Batcher::StartWorkers() {
  for (int i = 0; i < options_.num_workers; ++i) {
    try {
      threads_.emplace_back([this] { RunWorker(); });
    } catch (const std::system_error& error) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "--workers: the system gives no thread for worker ", i + 1, " of ",
          options_.num_workers, ": ", error.what()));
    }
  }
  absl::MutexLock lock(&mutex_);
  const auto all_started = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return started_workers_ == options_.num_workers;
  };
  mutex_.Await(absl::Condition(&all_started));
  PEREGRINE_RETURN_IF_ERROR(start_status_);
  if (!FitsSession(blocked_tokens_.back(), 1)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--max-batch-tokens: found ", options_.session.max_source_tokens,
        ", but the longest sentence of model ", backend_.info().name, " needs ",
        blocked_tokens_.back()));
  }
  if (blocked_tokens_.back() > options_.queue.max_source_tokens) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--max-queue-tokens: found ", options_.queue.max_source_tokens,
        ", but the longest sentence of model ", backend_.info().name, " needs ",
        blocked_tokens_.back()));
  }
  return absl::OkStatus();
}

void Batcher::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    draining_ = true;
    stopping_ = true;
    work_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

void Batcher::RunWorker() {
  absl::StatusOr<std::unique_ptr<DecodeSession>> session =
      backend_.MakeSession(options_.session);
  ReportStart(session.status(), session.ok() ? session->get() : nullptr);
  if (!session.ok()) return;
  // What has run out of memory has given it back when the next one is made.
  absl::Status status = Loop(**session);
  while (absl::IsResourceExhausted(status)) {
    session->reset();
    session = backend_.MakeSession(options_.session);
    if (!session.ok()) return LoseWorker(session.status());
    status = Loop(**session);
  }
  if (!status.ok()) LoseWorker(status);
}

void Batcher::ReportStart(absl::Status status, const DecodeSession* session) {
  absl::MutexLock lock(&mutex_);
  if (session != nullptr && blocked_tokens_.empty()) {
    for (int n = 0; n <= backend_.info().max_source_tokens; ++n) {
      blocked_tokens_.push_back(session->BlockedTokens(n));
    }
  }
  start_status_.Update(std::move(status));
  ++started_workers_;
}

absl::Status Batcher::Loop(DecodeSession& session) {
  Worker worker(options_.admission, session, metrics_);
  Intake intake;
  absl::Time now = absl::Now();
  while (true) {
    Taken taken;
    {
      absl::MutexLock lock(&mutex_);
      if (worker.idle() && queue_.empty()) {
        AwaitWork();
        if (queue_.empty()) return absl::OkStatus();
        now = absl::Now();
        intake.Resume(now);
      }
      taken = intake.Take(queue_, worker, idle_workers_, now);
    }
    const absl::Time start = now;
    for (Refusal& refusal : taken.refusals) {
      Refuse(refusal.sentence, std::move(refusal.status), metrics_);
    }
    if (!taken.sentences.empty()) {
      worker.Admit(std::move(taken.sentences), now);
      now = absl::Now();
      worker.AdmissionEnded(now);
    }
    worker.Step(now);
    now = absl::Now();
    metrics_.worker_busy_nanoseconds.Add(absl::ToInt64Nanoseconds(now - start));
    if (absl::Status status = worker.status(); !status.ok()) return status;
  }
}

void Batcher::LoseWorker(const absl::Status& cause) {
  metrics_.lost_workers.Add(1);
  std::vector<Refusal> refusals;
  {
    absl::MutexLock lock(&mutex_);
    if (++lost_workers_ < options_.num_workers) {
      if (!queue_.empty())
        work_.Signal();  // it may have been meant for this one
      return;
    }
    refusals = queue_.RefuseAll(DeviceFailedError(cause));
  }
  for (Refusal& refusal : refusals) {
    Refuse(refusal.sentence, std::move(refusal.status), metrics_);
  }
}

void Batcher::AwaitWork() {
  ++idle_workers_;
  while (queue_.empty() && !stopping_) work_.Wait(&mutex_);
  --idle_workers_;
}

absl::Status Batcher::Submit(std::vector<Sentence> sentences) {
  for (Sentence& sentence : sentences) {
    sentence.source_tokens = SourceTokens(sentence.source.size());
    if (sentence.target.has_value()) {
      sentence.options.beam_size =
          std::min(sentence.options.beam_size, options_.session.max_rows);
    }
    if (!FitsSession(sentence.source_tokens, sentence.rows())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a sentence of ", sentence.source.size(), " tokens and beam_size ",
          sentence.rows(), " does not fit a batch of ",
          options_.session.max_source_tokens, " tokens and ",
          options_.session.max_rows, " hypotheses"));
    }
  }
  const int64_t count = static_cast<int64_t>(sentences.size());
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    status = CheckServing();
    if (status.ok()) {
      status = queue_.Push(std::move(sentences), absl::Now(), idle_workers_);
    }
    if (status.ok() && count == 1) work_.Signal();
    if (status.ok() && count > 1) work_.SignalAll();
  }
  if (!status.ok()) metrics_.sentences.Add(status.code(), count);
  return status;
}

absl::Status Batcher::CheckOpen(const SentenceTerms& terms) const {
  absl::MutexLock lock(&mutex_);
  PEREGRINE_RETURN_IF_ERROR(CheckServing());
  return queue_.CheckOpen(terms, absl::Now(), idle_workers_);
}

absl::Status Batcher::CheckServing() const {
  if (draining_) return DrainingError();
  return workers_at_work() > 0 ? absl::OkStatus()
                               : NoWorkerError(backend_.info().name);
}

bool Batcher::has_workers() const {
  absl::MutexLock lock(&mutex_);
  return workers_at_work() > 0;
}

void Batcher::RemoveGroup(uint64_t group) {
  std::vector<Refusal> refusals;
  {
    absl::MutexLock lock(&mutex_);
    refusals = queue_.RemoveGroup(group);
  }
  for (Refusal& refusal : refusals) {
    Refuse(refusal.sentence, std::move(refusal.status), metrics_);
  }
}

void Batcher::Drain() {
  absl::MutexLock lock(&mutex_);
  draining_ = true;
}

bool Batcher::FitsSession(int source_tokens, int rows) const {
  return source_tokens <= options_.session.max_source_tokens &&
         rows <= options_.session.max_rows;
}

QueueGauges Batcher::queue() const {
  absl::MutexLock lock(&mutex_);
  QueueGauges gauges;
  gauges.sentences = queue_.load().sentences;
  gauges.source_tokens = queue_.load().source_tokens;
  gauges.oldest_age = queue_.OldestAge(absl::Now());
  gauges.usual_deadline = queue_.service().UsualDeadline();
  gauges.workers = workers_at_work();
  return gauges;
}

ModelCapacity Batcher::capacity() const {
  ModelCapacity capacity;
  capacity.workers = options_.num_workers;
  capacity.queue_sentences = options_.queue.max_sentences;
  capacity.queue_source_tokens = options_.queue.max_source_tokens;
  capacity.batch_rows = options_.session.max_rows;
  capacity.batch_source_tokens = options_.session.max_source_tokens;
  return capacity;
}

int Batcher::SourceTokens(size_t source_length) const {
  const size_t longest = blocked_tokens_.size() - 1;
  return blocked_tokens_[std::min(source_length, longest)];
}

}  // namespace peregrine::server
