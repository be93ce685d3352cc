#include "server/scheduling/intake.h"

namespace peregrine::server {

void Intake::Resume(absl::Time now) {
  turn_start_ = now;
  pace_.measuring = false;
}

Taken Intake::Take(AdmissionQueue& queue, Worker& worker, int idle_workers,
                   absl::Time now) {
  ObserveTurn(queue, worker, now);
  if (queue.empty()) {
    pace_.measuring = false;
    return {};
  }
  const TokenBudget budget =
      worker.Budget(queue.load(), idle_workers, queue.service(), now);
  if (!worker.WantsAdmission(queue.load(), budget, now)) return {};
  Taken taken = queue.Take(budget, now);
  if (taken.sentences.empty()) return taken;
  if (pace_.measuring) {
    queue.ObserveBacklog(pace_.tokens, now - pace_.since, now);
  }
  // What is left is a backlog only if nobody else is about to take it.
  pace_.measuring = !queue.empty() && idle_workers == 0;
  pace_.tokens = taken.source_tokens;
  pace_.since = now;
  return taken;
}

void Intake::ObserveTurn(AdmissionQueue& queue, Worker& worker,
                         absl::Time now) {
  const Worker::Turn turn = worker.TakeTurn();
  if (turn.rows > 0) queue.ObserveStep(turn.rows, now - turn_start_);
  for (const Worker::Turn::Finished& finished : turn.finished) {
    queue.ObserveSentence(finished.source_length, finished.steps);
  }
  turn_start_ = now;
}

}  // namespace peregrine::server
