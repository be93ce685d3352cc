#include "server/scheduling/wait_estimator.h"

#include <cmath>

namespace peregrine::server {
namespace {

constexpr double kWindowTokens = 8192;
// Steps that take nothing must age the past too.
constexpr double kWindowSeconds = 5;
constexpr absl::Duration kTimeToLive = absl::Seconds(3);

}  // namespace

void WaitEstimator::Observe(int tokens, absl::Duration busy, absl::Time now) {
  const double seconds = absl::ToDoubleSeconds(busy);
  const double keep =
      std::exp(-tokens / kWindowTokens - seconds / kWindowSeconds);
  tokens_ = tokens_ * keep + tokens;
  seconds_ = seconds_ * keep + seconds;
  last_observation_ = now;
}

absl::Duration WaitEstimator::Estimate(int tokens, absl::Time now) const {
  if (tokens_ <= 0 || now - last_observation_ > kTimeToLive) {
    return absl::ZeroDuration();
  }
  return absl::Seconds(seconds_ / tokens_ * tokens / num_workers_);
}

}  // namespace peregrine::server
