#ifndef PEREGRINE_SERVER_SCHEDULING_ADMISSION_QUEUE_H_
#define PEREGRINE_SERVER_SCHEDULING_ADMISSION_QUEUE_H_

#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/options/batching.h"
#include "server/scheduling/fair_order.h"
#include "server/scheduling/sentence.h"
#include "server/scheduling/service_estimator.h"
#include "server/scheduling/session_plan.h"
#include "server/scheduling/wait_estimator.h"

namespace peregrine::server {

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
// Flows get shares (see FairOrder), so that no client starves; lengths age, so
// that none of these does. "First" is by shares, and within one flow by
// arrival. The flow of a known client may hold at most eight times what is
// free, so that there is always room for one who brings little.
//
// Under overload what counts is what is answered in time. A sentence with a
// deadline is therefore taken into the queue only if most of its time is left
// after the wait there, and into a session only if it and all that is in there
// finish in time with one more (see SessionPlan). What does not find that is
// refused early.
//
// Every sentence pushed comes out exactly once: served or refused.
class AdmissionQueue {
 public:
  explicit AdmissionQueue(const AdmissionOptions& options);

  // All sentences of one request, or none of them (then an error):
  // INVALID_ARGUMENT: more than the queue ever holds. RESOURCE_EXHAUSTED: full,
  // or the wait is too long for the deadline. DEADLINE_EXCEEDED: the deadline
  // is passed or too short for any wait. With `idle_workers` nothing is too
  // short: there is somebody to try.
  absl::Status Push(std::vector<Sentence> sentences, absl::Time now,
                    int idle_workers = 0);

  // The error of Push for any sentence on these terms, if there is one.
  absl::Status CheckOpen(const SentenceTerms& terms, absl::Time now,
                         int idle_workers = 0) const;

  // The sentences that fit `budget` best: the first ones as long as they are
  // overdue, and if one of these does not fit, no other; then those whose
  // length is closest to that of the first one left. Refuses the expired, and
  // the abandoned and the hopeless that it meets.
  Taken Take(const TokenBudget& budget, absl::Time now);

  // Refuses what waits of a group, by its id: after its caller went away. Looks
  // at nothing else: callers may go away by the thousand.
  std::vector<Refusal> RemoveGroup(uint64_t group);

  // Refuses all, with this error: when nobody is left to serve them.
  std::vector<Refusal> RefuseAll(const absl::Status& status);

  // A worker took `tokens`, leaving a backlog, and came for more after `busy`.
  // Feeds the estimates.
  void ObserveBacklog(int tokens, absl::Duration busy, absl::Time now);

  // As those of ServiceEstimator.
  void ObserveStep(int rows, absl::Duration time) {
    service_.ObserveStep(rows, time);
  }
  void ObserveSentence(int source_length, int steps) {
    service_.ObserveSentence(source_length, steps);
  }
  const ServiceEstimator& service() const { return service_; }

  const QueueLoad& load() const { return load_; }
  bool empty() const { return sentences_.empty(); }
  absl::Duration OldestAge(absl::Time now) const;

 private:
  // By tag, then by arrival.
  using Place = std::pair<double, uint64_t>;

  absl::Status CheckCapacity(const Flow& flow, const QueueLoad& more,
                             absl::Time now) const;
  bool FitsShare(const Flow& flow, const QueueLoad& more) const;
  absl::Status CheckWait(absl::Duration left, absl::Duration wait) const;
  absl::Status CheckService(const std::vector<Sentence>& sentences,
                            absl::Duration wait, absl::Time now) const;
  absl::Duration Wait(const Flow& flow, int tokens, absl::Time now) const;
  void ObserveDeadline(const std::vector<Sentence>& sentences,
                       absl::Duration left);
  // Of the one that takes longest, if each were alone in a session.
  absl::Duration TimeAlone(const std::vector<Sentence>& sentences) const;
  double StepsOf(const Sentence& sentence) const;
  bool IsOverdue(const Sentence& sentence, absl::Time now) const;
  void RefuseExpired(absl::Time now, std::vector<Refusal>& refusals);
  // False: one is left, so that nothing behind it may be taken.
  bool TakeOverdue(SessionPlan& plan, absl::Time now, Taken& taken);
  void TakeAlike(SessionPlan& plan, absl::Time now, Taken& taken);
  absl::Status Hopeless(const Sentence& sentence, absl::Time now) const;
  Sentence Remove(Place place);  // a copy: what is named goes

  const AdmissionOptions options_;
  WaitEstimator wait_;
  ServiceEstimator service_;
  FairOrder order_;
  uint64_t next_sequence_ = 0;
  QueueLoad load_;
  std::map<Place, Sentence> sentences_;
  std::map<int, std::set<Place>> by_length_;            // by source_tokens
  std::set<std::pair<absl::Time, Place>> by_deadline_;  // finite ones
  std::set<std::pair<absl::Time, Place>> by_arrival_;
  // By the ids of groups that have sentences here.
  struct GroupPlaces {
    std::vector<Place> pushed;  // some may have left
    int left = 0;               // that have not
  };
  std::unordered_map<uint64_t, GroupPlaces> by_group_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_ADMISSION_QUEUE_H_
