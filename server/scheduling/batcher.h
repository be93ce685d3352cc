#ifndef PEREGRINE_SERVER_SCHEDULING_BATCHER_H_
#define PEREGRINE_SERVER_SCHEDULING_BATCHER_H_

#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/backend/model_backend.h"
#include "server/metrics/metrics.h"
#include "server/options/batching.h"
#include "server/scheduling/admission_queue.h"
#include "server/scheduling/sentence.h"
#include "server/scheduling/worker.h"

namespace peregrine::server {

// The queue of one model and the threads that serve it. Batches are never
// closed: sentences join a worker's session and leave it between any two
// decode steps. Every sentence that was submitted is answered to its group
// exactly once, on a worker's thread or on one that calls RemoveGroup, and
// never under a lock. A worker whose device fails is taken out; with the last
// one the batcher refuses what waits and what comes. Thread-safe.
class Batcher {
 public:
  // Starts the workers, each of which makes a session of its own. Fails if one
  // of them can't. `backend` and `metrics` must outlive the batcher.
  static absl::StatusOr<std::unique_ptr<Batcher>> Start(
      const ModelBackend& backend, const BatcherOptions& options,
      ModelMetrics& metrics);

  // Finishes what was submitted.
  ~Batcher();

  // All sentences of one request, or none of them (then an error, and no answer
  // will come): as AdmissionQueue::Push, and UNAVAILABLE when draining.
  absl::Status Submit(std::vector<Sentence> sentences);

  // The error that Submit would give for any sentence on these terms: full, too
  // long a wait, or draining. For callers to ask before they tokenise, so that
  // refusing is cheap.
  absl::Status CheckOpen(const SentenceTerms& terms = {}) const;

  // Takes the sentences of an abandoned group out of the queue. Live ones leave
  // their session before its next step without being asked.
  void RemoveGroup(uint64_t group);

  // From here on Submit fails.
  void Drain();

  // Whether a sentence with so many source tokens and rows fits a session.
  bool FitsSession(int source_tokens, int rows) const;

  QueueGauges queue() const;
  int num_workers() const { return options_.num_workers; }
  // False: the devices of all have failed, for good.
  bool has_workers() const;
  ModelCapacity capacity() const;

 private:
  Batcher(const ModelBackend& backend, const BatcherOptions& options,
          ModelMetrics& metrics);

  absl::Status StartWorkers();
  void RunWorker();
  void ReportStart(absl::Status status, const DecodeSession* session);
  // Until there is no more work, or the session has failed.
  absl::Status Loop(DecodeSession& session);
  void LoseWorker(const absl::Status& cause);
  int workers_at_work() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return options_.num_workers - lost_workers_;
  }
  // UNAVAILABLE: draining, or no worker is left.
  absl::Status CheckServing() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  void AwaitWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Stop();
  int SourceTokens(size_t source_length) const;

  const ModelBackend& backend_;
  const BatcherOptions options_;
  ModelMetrics& metrics_;
  std::vector<std::thread> threads_;

  // [n]: room that a source of n tokens takes. Set before Start returns.
  std::vector<int> blocked_tokens_;

  mutable absl::Mutex mutex_;
  absl::CondVar work_;
  AdmissionQueue queue_ ABSL_GUARDED_BY(mutex_);
  int idle_workers_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  int lost_workers_ ABSL_GUARDED_BY(mutex_) = 0;
  int started_workers_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status start_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_BATCHER_H_
