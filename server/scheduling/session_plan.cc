#include "server/scheduling/session_plan.h"

#include <algorithm>

namespace peregrine::server {
namespace {

// Of the rows that are live now, how many must be able to stay for the sake of
// a sentence that waits.
constexpr double kWorthwhileShare = 0.5;

}  // namespace

SessionPlan::SessionPlan(const TokenBudget& budget,
                         const ServiceEstimator& service, absl::Time now)
    : service_(service),
      now_(now),
      worthwhile_rows_(kWorthwhileShare * budget.live_rows),
      rows_(budget.rows),
      source_tokens_(budget.source_tokens),
      admission_tokens_(budget.admission_tokens),
      live_rows_(budget.live_rows),
      max_live_rows_(budget.max_live_rows) {}

double SessionPlan::MaxRows(const Sentence& sentence) const {
  if (sentence.deadline == absl::InfiniteFuture()) {
    return std::numeric_limits<double>::infinity();
  }
  return service_.MaxRows(
      service_.Steps(static_cast<int>(sentence.source.size()),
                     sentence.max_steps()),
      kPlannedShare * (sentence.deadline - now_));
}

double SessionPlan::MaxFairRows(const Sentence& sentence) const {
  const absl::Duration left =
      std::min(sentence.deadline - now_, service_.UsualDeadline());
  const double of_long =
      service_.MaxRows(service_.StepsOfLong(), kPlannedShare * left);
  return std::min(MaxRows(sentence),
                  std::max(of_long, service_.MinEfficientRows()));
}

// The one that exceeds admission_tokens must be alone.
bool SessionPlan::TokensFit(int source_tokens) const {
  return source_tokens <= source_tokens_ &&
         (empty_ || source_tokens <= admission_tokens_);
}

bool SessionPlan::Fits(const Sentence& sentence) const {
  if (sentence.rows() > rows_ || !TokensFit(sentence.source_tokens)) {
    return false;
  }
  const int live_rows = live_rows_ + sentence.rows();
  return live_rows_ == 0 ||
         (live_rows <= max_live_rows_ && live_rows <= MaxFairRows(sentence));
}

bool SessionPlan::CanFinish(const Sentence& sentence) const {
  return live_rows_ == 0 || MaxRows(sentence) >= sentence.rows();
}

bool SessionPlan::IsWorthWaitingFor(const Sentence& sentence) const {
  return live_rows_ == 0 || MaxRows(sentence) >= worthwhile_rows_;
}

bool SessionPlan::exhausted() const {
  return rows_ <= 0 || source_tokens_ <= 0 ||
         (!empty_ && admission_tokens_ <= 0) ||
         (live_rows_ > 0 && live_rows_ >= max_live_rows_);
}

void SessionPlan::Use(const Sentence& sentence) {
  rows_ -= sentence.rows();
  source_tokens_ -= sentence.source_tokens;
  admission_tokens_ -= sentence.source_tokens;
  live_rows_ += sentence.rows();
  empty_ = false;
  const double max_rows = MaxRows(sentence);
  if (max_rows >= sentence.rows()) {
    max_live_rows_ = std::min(max_live_rows_,
                              std::max(max_rows, service_.MinEfficientRows()));
  }
}

}  // namespace peregrine::server
