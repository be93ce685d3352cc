#ifndef PEREGRINE_SERVER_SCHEDULING_SERVICE_ESTIMATOR_H_
#define PEREGRINE_SERVER_SCHEDULING_SERVICE_ESTIMATOR_H_

#include "absl/time/time.h"

namespace peregrine::server {

// Learns how long sentences will be in a session: how many steps they take, by
// the length of their sources, and how long a step takes, by the rows that are
// live. The latter is a straight line: each step reads the weights once,
// whatever the rows, and the rest is work for each row. The encoder runs
// between two steps are in it, as sentences pay for those of others.
//
// Both are smoothed exponentially over the last seconds of work. Before
// anything is known all estimates are zero: admit. Pure and not thread-safe.
class ServiceEstimator {
 public:
  // From one step to the next, with `rows` live.
  void ObserveStep(int rows, absl::Duration time);

  // A sentence comes, whether or not it is taken.
  void ObserveArrival(int source_length);

  // It has a deadline, which leaves it enough time if it were alone.
  void ObserveDeadline(absl::Duration left);

  // A sentence is finished.
  void ObserveSentence(int source_length, int steps);

  // Of a sentence that begins; most sentences take no more.
  double Steps(int source_length, int max_length) const;

  // Of a long sentence among those that come.
  double StepsOfLong() const;

  // What their deadlines leave those that come (the harmonic mean, which is
  // close to the short ones). Infinite where next to none has one.
  absl::Duration UsualDeadline() const;

  // So many steps with so many rows live.
  absl::Duration Time(double steps, double rows) const;

  // With how many rows live so many steps take no longer than `left`. Infinite
  // where rows do not matter; below 1 where none do.
  double MaxRows(double steps, absl::Duration left) const;

  // Fewer rows than these waste the worker: the weights alone take half of the
  // step.
  double MinEfficientRows() const;

 private:
  struct Line {
    double constant = 0;  // seconds of a step
    double per_row = 0;
  };

  Line Fit() const;

  // Sums over steps, which decay together: of x = rows and y = seconds.
  double steps_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
  Line line_;

  // Likewise over arrivals.
  double arrivals_ = 0;
  double arrived_tokens_ = 0;
  double arrived_deviation_ = 0;
  double deadlines_ = 0;
  double per_deadline_ = 0;  // sum of 1 / seconds

  // Likewise over finished sentences.
  double sentences_ = 0;
  double source_tokens_ = 0;
  double sentence_steps_ = 0;
  double deviation_ = 0;  // of the steps from what the ratio says
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_SERVICE_ESTIMATOR_H_
