#ifndef PEREGRINE_SERVER_SCHEDULING_WORKER_H_
#define PEREGRINE_SERVER_SCHEDULING_WORKER_H_

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "absl/time/time.h"
#include "server/backend/model_backend.h"
#include "server/metrics/metrics.h"
#include "server/options/batching.h"
#include "server/scheduling/admission_queue.h"
#include "server/scheduling/sentence.h"
#include "server/scheduling/service_estimator.h"
#include "server/scheduling/session_plan.h"

namespace peregrine::server {

// What one worker thread does between two looks at the queue: admit, drop what
// nobody waits for, one decode step, answer. Knows neither threads nor locks
// nor the clock. See Batcher for the loop around it.
class Worker {
 public:
  // Both must outlive the worker.
  Worker(const AdmissionPolicy& policy, DecodeSession& session,
         ModelMetrics& metrics);

  bool idle() const { return live_.empty(); }

  // What to take from a queue with this load, when `idle_workers` others are
  // there for it: a short queue is shared among them. No more than lets the
  // live finish in time.
  TokenBudget Budget(const QueueLoad& load, int idle_workers,
                     const ServiceEstimator& service, absl::Time now) const;

  // Whether now is the time to take that.
  bool WantsAdmission(const QueueLoad& load, const TokenBudget& budget,
                      absl::Time now) const;

  // Encodes the sentences, which fit the last budget, and makes them live.
  void Admit(std::vector<Sentence> sentences, absl::Time now);
  void AdmissionEnded(absl::Time now) { last_admission_ = now; }

  // Drops the live that are expired or abandoned, then generates one token for
  // all others and answers those that are finished. Should the device have
  // failed, all get its error, and the worker is of no more use.
  void Step(absl::Time now);

  // Of the device.
  absl::Status status() const { return session_.status(); }

  // What was done since the last call.
  struct Turn {
    int rows = 0;  // of the last step; 0: there was none
    struct Finished {
      int source_length = 0;
      int steps = 0;
    };
    std::vector<Finished> finished;
  };
  Turn TakeTurn();

 private:
  struct LiveSentence {
    SentenceGroup* group = nullptr;
    int index = 0;
    absl::Time deadline;
    absl::Duration queue_time;
    int source_length = 0;
    int max_steps = 0;
    bool is_given = false;  // its translation
    bool streams = false;
    int rows = 0;
    int64_t first_step = 0;
  };

  void DropUnwanted(absl::Time now);
  void Finish(decode::SentenceOutput output);
  void TellStable();
  void FailAll(const absl::Status& status);
  int StepsOf(const LiveSentence& live) const {
    return static_cast<int>(step_ - live.first_step);
  }
  double StepsLeft(const LiveSentence& live,
                   const ServiceEstimator& service) const;
  double MaxLiveRows(const ServiceEstimator& service, absl::Time now) const;

  const AdmissionPolicy policy_;
  DecodeSession& session_;
  ModelMetrics& metrics_;
  std::unordered_map<uint64_t, LiveSentence> live_;  // by id in the session
  Turn turn_;
  uint64_t next_id_ = 0;
  int64_t step_ = 0;
  absl::Time last_admission_ = absl::InfinitePast();
};

// Answers a sentence that is not translated, and counts it.
void Refuse(const Sentence& sentence, absl::Status status,
            ModelMetrics& metrics);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_WORKER_H_
