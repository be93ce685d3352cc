#ifndef PEREGRINE_SERVER_ADMISSION_QUEUE_H_
#define PEREGRINE_SERVER_ADMISSION_QUEUE_H_

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/sentence.h"
#include "server/wait_estimator.h"

namespace peregrine::server {

struct AdmissionOptions {
  int max_sentences = 4096;
  int max_source_tokens = 131072;
  // A sentence that waited longer is overtaken by none.
  absl::Duration max_age = absl::Milliseconds(200);
  int num_workers = 1;
};

// What a worker can take.
struct TokenBudget {
  int rows = 0;           // free in its session
  int source_tokens = 0;  // likewise
  // Enough for one encoder run; one sentence may exceed it alone.
  int admission_tokens = 0;
};

// A sentence that leaves the queue unserved. The taker answers it: the queue
// is used under a lock, and no answer is given under a lock.
struct Refusal {
  Sentence sentence;
  absl::Status status;
};

struct Taken {
  std::vector<Sentence> sentences;
  std::vector<Refusal> refusals;
  int source_tokens = 0;  // sum over `sentences`
};

struct QueueLoad {
  int sentences = 0;
  int rows = 0;
  int source_tokens = 0;
};

// Groups the waiting sentences of one model into admissions for its workers.
// Bounded: refusing early beats answering late. Not thread-safe; time is an
// argument, so tests need no clock. See Batcher for the threads.
//
// Every sentence pushed comes out exactly once: served or refused.
class AdmissionQueue {
 public:
  explicit AdmissionQueue(const AdmissionOptions& options);

  // All sentences of one request, or none of them (then an error):
  // INVALID_ARGUMENT: more than the queue ever holds. RESOURCE_EXHAUSTED: full.
  // DEADLINE_EXCEEDED: the last of them would not be finished in time.
  absl::Status Push(std::vector<Sentence> sentences, absl::Time now);

  // RESOURCE_EXHAUSTED if Push would fail for any sentence.
  absl::Status CheckOpen(absl::Time now) const;

  // The sentences that fit `budget` best: those older than max_age first, in
  // order of arrival, and if one of these does not fit, none that came after
  // it; then those whose length is closest to that of the oldest. Refuses the
  // expired, and the abandoned that it meets.
  Taken Take(const TokenBudget& budget, absl::Time now);

  // Refuses all that are abandoned: after a caller went away.
  std::vector<Refusal> RemoveAbandoned();

  // A worker took `tokens`, leaving a backlog, and came for more after `busy`.
  // Feeds the estimates.
  void ObserveBacklog(int tokens, absl::Duration busy, absl::Time now);

  // As WaitEstimator::ObserveService.
  void ObserveService(int sentences, absl::Duration total, absl::Time now);

  const QueueLoad& load() const { return load_; }
  bool empty() const { return sentences_.empty(); }
  absl::Duration OldestAge(absl::Time now) const;

 private:
  using Sequence = uint64_t;  // order of arrival

  absl::Status CheckCapacity(const QueueLoad& more, absl::Time now) const;
  absl::Status CheckDeadlines(const std::vector<Sentence>& sentences,
                              const QueueLoad& more, absl::Time now) const;
  void RefuseExpired(absl::Time now, std::vector<Refusal>& refusals);
  // False: one is left, so that nothing younger may be taken.
  bool TakeOverdue(const TokenBudget& budget, absl::Time now, Taken& taken);
  void TakeAlike(const TokenBudget& budget, Taken& taken);
  Sentence Remove(Sequence sequence);

  const AdmissionOptions options_;
  WaitEstimator estimator_;
  Sequence next_sequence_ = 0;
  QueueLoad load_;
  std::map<Sequence, Sentence> sentences_;
  std::map<int, std::set<Sequence>> by_length_;            // by source_tokens
  std::set<std::pair<absl::Time, Sequence>> by_deadline_;  // finite ones
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_ADMISSION_QUEUE_H_
