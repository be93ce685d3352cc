#ifndef PEREGRINE_CLIENT_LOAD_LOAD_SCHEDULE_H_
#define PEREGRINE_CLIENT_LOAD_LOAD_SCHEDULE_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <random>
#include <vector>

#include "absl/time/time.h"

namespace peregrine::client {

enum class Arrivals { kPoisson, kUniform };

// When requests are due. Time is an argument. Not thread-safe.
class LoadSchedule {
 public:
  virtual ~LoadSchedule() = default;

  // When the next request is due; InfiniteFuture: when another is answered.
  virtual absl::Time next() const = 0;

  // The request that was due is on its way.
  virtual void Sent() = 0;

  // One that was sent is answered, and its sender would not send again before
  // `ready`.
  virtual void Answered(absl::Time ready) = 0;
};

// So many senders, of which each sends when its last request is answered. What
// they measure is throughput: a slow server is asked less often.
class ClosedLoop final : public LoadSchedule {
 public:
  ClosedLoop(int concurrency, absl::Time start);
  absl::Time next() const override;
  void Sent() override { ready_.pop(); }
  void Answered(absl::Time ready) override { ready_.push(ready); }

 private:
  // Of the senders that wait for nothing but time, soonest first.
  std::priority_queue<absl::Time, std::vector<absl::Time>, std::greater<>>
      ready_;
};

// Requests of many independent users: due whether or not others are answered.
// What they measure is latency, without coordinated omission: see
// RequestOutcome.
class OpenLoop final : public LoadSchedule {
 public:
  // `rate` is in requests a second.
  OpenLoop(double rate, Arrivals arrivals, absl::Time start,
           std::uint64_t seed);
  absl::Time next() const override { return next_; }
  void Sent() override;
  void Answered(absl::Time) override {}

 private:
  const double rate_;
  const Arrivals arrivals_;
  std::mt19937_64 random_;
  absl::Time next_;
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_LOAD_LOAD_SCHEDULE_H_
