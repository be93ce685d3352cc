#include "client/load/load_schedule.h"

namespace peregrine::client {

ClosedLoop::ClosedLoop(int concurrency, absl::Time start) {
  for (int i = 0; i < concurrency; ++i) ready_.push(start);
}

absl::Time ClosedLoop::next() const {
  return ready_.empty() ? absl::InfiniteFuture() : ready_.top();
}

OpenLoop::OpenLoop(double rate, Arrivals arrivals, absl::Time start,
                   std::uint64_t seed)
    : rate_(rate), arrivals_(arrivals), random_(seed), next_(start) {
  // A Poisson process does not begin with an event.
  if (arrivals_ == Arrivals::kPoisson) Sent();
}

void OpenLoop::Sent() {
  // Spacing from the time that was due, not from now: who comes late must not
  // thin the load out.
  const double seconds =
      arrivals_ == Arrivals::kPoisson
          ? std::exponential_distribution<double>(rate_)(random_)
          : 1 / rate_;
  next_ += absl::Seconds(seconds);
}

}  // namespace peregrine::client
