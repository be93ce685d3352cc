#ifndef PEREGRINE_SERVER_SERVICE_REQUEST_H_
#define PEREGRINE_SERVER_SERVICE_REQUEST_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/clients/client.h"
#include "server/models/models.h"
#include "server/scheduling/sentence_group.h"
#include "server/service/call.h"
#include "server/service/job.h"
#include "server/service/model_choice.h"

namespace peregrine::server {

// The one life of a request to translate, whatever API it came by: the client's
// ticket, the model, the checks, the queue, the count. A call of one answer is
// one request; each text of a stream is one. Texts that go to different models
// are parts, each of which is a request without a ticket of its own.
//
//   Request request(call, start, deadline);
//   status = request.Submit(read, done);        // `read` parses: gives a Job
//   ... not ended at once: `done(status)` is called on a worker's thread
//   if (status.ok()) answer = job.Take(request.group());
//   request.Count(status);
class Request {
 public:
  // `call` must have begun and outlive the request.
  Request(const Call& call, absl::Time start, absl::Time deadline)
      : call_(call), start_(start), deadline_(deadline) {}

  // Gives the job, which must outlive the request. Called once, by Submit, if
  // the client may bring a request now: so parsing comes after that.
  using Read = absl::FunctionRef<absl::StatusOr<Job*>()>;
  using Done = std::function<void(const absl::Status&)>;

  // Once. What the request ends with at once: an error, or OK if there is
  // nothing to translate. None: `done` is called once with that, on the thread
  // of a worker or of one who loads models, and perhaps before this returns; it
  // may destroy the request.
  absl::optional<absl::Status> Submit(Read read, Done done);

  // Nobody wants the answer any more. On any thread, at any time. What still
  // waits is answered by the second step, on the calling thread: not under a
  // lock that `done` takes.
  struct Abandoned {
    ServedModelPtr model;  // null: no sentences wait
    SentenceCache* cache = nullptr;
    uint64_t group = 0;
    DemandLoader* loader = nullptr;  // not null: it waits for a model
    uint64_t waiter = 0;
    std::vector<Abandoned> parts;
    void Remove() const;
  };
  Abandoned Abandon();

  // Once, when the outcome is known; with the answer if it is OK.
  void Count(const absl::Status& status) const;
  void Count(const TextAnswer& answer) const;
  void Count(const TokenAnswer& answer) const;
  void Count(const ScoreAnswer& answer) const;

  // Null before Submit has found it, and where there are several. Of two in a
  // row, the last.
  const ServedModelPtr& model() const { return model_; }
  // Of all jobs; 0 before Submit has one.
  int num_sentences() const;
  // Complete when `done` is called; null if there is nothing to translate.
  SentenceGroup* group() const { return group_.get(); }

 private:
  struct Part {
    std::unique_ptr<Request> request;
    Job* job = nullptr;
    std::vector<int> texts;
  };

  // The ticket, the job and its terms.
  absl::Status Begin(Read read);
  // The rest: as Submit.
  absl::optional<absl::Status> Continue();
  absl::Status Prepare(ModelChoice choice);
  // As Submit, once it is prepared.
  absl::optional<absl::Status> Start();
  // As Submit: each choice a part.
  absl::optional<absl::Status> SubmitParts(std::vector<ModelChoice> choices);
  absl::Status MakeParts(std::vector<ModelChoice> choices);
  void EndPart(const absl::Status& status);
  absl::Status EndParts();
  void CountModels(const absl::Status& status) const;
  void CountFlags(const TranslatedText& text) const;
  absl::optional<absl::Status> AwaitModel(
      const std::string& name, const std::vector<ModelChoice>& choices);
  // As Submit: the sentences of one job. `done` once the group is complete.
  absl::optional<absl::Status> SubmitJob(const Job& job,
                                         const ServedModelPtr& model,
                                         std::function<void()> done);
  absl::Status SubmitSentences(const ServedModelPtr& model,
                               std::vector<Sentence> sentences);
  absl::optional<absl::Status> SubmitLast();
  void EndFirst();
  void End(const absl::Status& status);
  void CountFlag(bool is_set, TranslationFlag flag) const;
  void CountOn(const ServedModel& model, const absl::Status& status) const;
  // CANCELLED: abandoned before.
  absl::Status SetGroup(std::unique_ptr<SentenceGroup> group,
                        const ServedModelPtr& model);

  const Call& call_;
  const absl::Time start_;
  const absl::Time deadline_;
  ClientTicket ticket_;
  SentenceTerms terms_;
  Done done_;
  ServedModelPtr model_;
  Job* job_ = nullptr;
  ServedModelPtr first_model_;  // of two in a row; null: there is one
  Job* first_job_ = nullptr;
  std::unique_ptr<SentenceGroup> group_;  // of the job under way
  std::vector<Part> parts_;
  std::atomic<int> open_parts_{0};

  absl::Mutex mutex_;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  // group_, once it may be abandoned.
  SentenceGroup* submitted_ ABSL_GUARDED_BY(mutex_) = nullptr;
  ServedModelPtr submitted_to_ ABSL_GUARDED_BY(mutex_);
  uint64_t waiter_ ABSL_GUARDED_BY(mutex_) = 0;       // for a model; 0: none
  bool has_parts_ ABSL_GUARDED_BY(mutex_) = false;    // which may be abandoned
  absl::Status failed_part_ ABSL_GUARDED_BY(mutex_);  // the first that did
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SERVICE_REQUEST_H_
