#ifndef PEREGRINE_SERVER_SCHEDULING_INTAKE_H_
#define PEREGRINE_SERVER_SCHEDULING_INTAKE_H_

#include "absl/time/time.h"
#include "server/scheduling/admission_queue.h"
#include "server/scheduling/worker.h"

namespace peregrine::server {

// What one worker takes from the queue in each of its turns, and what it tells
// the queue about the time that work takes. Knows neither threads nor locks
// nor the clock: see Batcher, which calls it under its lock.
class Intake {
 public:
  // The worker had nothing to do until `now`.
  void Resume(absl::Time now);

  // `idle_workers` others are there for the same queue.
  Taken Take(AdmissionQueue& queue, Worker& worker, int idle_workers,
             absl::Time now);

 private:
  void ObserveTurn(AdmissionQueue& queue, Worker& worker, absl::Time now);

  absl::Time turn_start_ = absl::InfinitePast();

  // How fast the worker takes from a backlog: so many tokens, and since then it
  // found no time for more.
  struct Pace {
    bool measuring = false;
    int tokens = 0;
    absl::Time since;
  };
  Pace pace_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_INTAKE_H_
