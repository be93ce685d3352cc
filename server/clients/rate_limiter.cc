#include "server/clients/rate_limiter.h"

#include <algorithm>

namespace peregrine::server {

absl::Duration RateLimiter::Take(double per_second, absl::Time now) {
  const double most = std::max(1.0, per_second);
  if (!started_) available_ = most;
  if (started_ && now > updated_) {
    available_ += per_second * absl::ToDoubleSeconds(now - updated_);
  }
  if (!started_ || now > updated_) updated_ = now;
  started_ = true;
  available_ = std::min(available_, most);
  if (available_ >= 1) {
    available_ -= 1;
    return absl::ZeroDuration();
  }
  return absl::Seconds((1 - available_) / per_second);
}

}  // namespace peregrine::server
