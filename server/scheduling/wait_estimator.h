#ifndef PEREGRINE_SERVER_SCHEDULING_WAIT_ESTIMATOR_H_
#define PEREGRINE_SERVER_SCHEDULING_WAIT_ESTIMATOR_H_

#include "absl/time/time.h"

namespace peregrine::server {

// Learns how long queued source tokens wait: the seconds that one worker takes
// per token while there is a backlog, exponentially smoothed over the last
// tokens. It measures only under a backlog, since a lone sentence is served
// far less efficiently than a full batch and would make the estimate too long
// by an order of magnitude.
//
// Wrong estimates heal: where they would refuse everything, nothing is
// measured any more, and an estimate that is not renewed for 3 seconds is
// forgotten. Before anything is known the estimate is zero: admit. Pure and
// not thread-safe.
class WaitEstimator {
 public:
  explicit WaitEstimator(int num_workers) : num_workers_(num_workers) {}

  // A worker took `tokens`, leaving a backlog, and came for more after `busy`.
  void Observe(int tokens, absl::Duration busy, absl::Time now);

  // Until all workers together have taken `tokens` tokens.
  absl::Duration Estimate(int tokens, absl::Time now) const;

 private:
  int num_workers_;
  double tokens_ = 0;  // both decay together
  double seconds_ = 0;
  absl::Time last_observation_ = absl::InfinitePast();
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_WAIT_ESTIMATOR_H_
