#ifndef PEREGRINE_SERVER_CLIENTS_RATE_LIMITER_H_
#define PEREGRINE_SERVER_CLIENTS_RATE_LIMITER_H_

#include "absl/time/time.h"

namespace peregrine::server {

// A token bucket that holds one second's worth, at least one request. Time is
// an argument. Not thread-safe.
class RateLimiter {
 public:
  // Zero: taken. Otherwise the time until one can be.
  absl::Duration Take(double per_second, absl::Time now);

 private:
  bool started_ = false;
  double available_ = 0;
  absl::Time updated_;
};

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CLIENTS_RATE_LIMITER_H_
