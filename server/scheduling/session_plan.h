#ifndef PEREGRINE_SERVER_SCHEDULING_SESSION_PLAN_H_
#define PEREGRINE_SERVER_SCHEDULING_SESSION_PLAN_H_

#include <limits>

#include "absl/time/time.h"
#include "server/scheduling/sentence.h"
#include "server/scheduling/service_estimator.h"

namespace peregrine::server {

// What a worker can take.
struct TokenBudget {
  int rows = 0;           // free in its session
  int source_tokens = 0;  // likewise
  // Enough for one encoder run; one sentence may exceed it alone.
  int admission_tokens = 0;

  int live_rows = 0;  // in its session
  // With more rows than these the live would miss their deadlines.
  double max_live_rows = std::numeric_limits<double>::infinity();
};

// Of the time until a deadline, what a sentence in a session may plan with. The
// rest is for steps that take longer than others, and for the way back.
inline constexpr double kPlannedShare = 0.9;

// What is left of a budget while sentences are chosen for it. A sentence fits
// if there is room, and if it and all others, live and chosen, finish in time
// in the larger session. So that short sentences do not shut out the long ones,
// nor those without a deadline the ones that have one, it grows no larger than
// a long one with the usual deadline could bear either, as far as that is an
// efficient size. A session without sentences takes any: the worker has
// nothing better to do, and wrong estimates heal.
class SessionPlan {
 public:
  // `service` must outlive the plan.
  SessionPlan(const TokenBudget& budget, const ServiceEstimator& service,
              absl::Time now);

  bool TokensFit(int source_tokens) const;
  bool Fits(const Sentence& sentence) const;

  // False: it cannot finish in time whatever leaves the session.
  bool CanFinish(const Sentence& sentence) const;

  // False: the session would have to become too small for it.
  bool IsWorthWaitingFor(const Sentence& sentence) const;

  // Whether nothing more can fit.
  bool exhausted() const;

  void Use(const Sentence& sentence);

 private:
  // With which it still finishes in time.
  double MaxRows(const Sentence& sentence) const;
  // With which a long sentence of the usual deadline would, too.
  double MaxFairRows(const Sentence& sentence) const;

  const ServiceEstimator& service_;
  const absl::Time now_;
  const double worthwhile_rows_;
  int rows_;
  int source_tokens_;
  int admission_tokens_;
  int live_rows_;
  double max_live_rows_;
  bool empty_ = true;  // nothing is chosen yet
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_SCHEDULING_SESSION_PLAN_H_
