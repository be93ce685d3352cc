#ifndef PEREGRINE_SERVER_METRICS_METRIC_TYPES_H_
#define PEREGRINE_SERVER_METRICS_METRIC_TYPES_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

// Counters and histograms that cost a few nanoseconds to observe from any
// thread: each thread adds to one of kMetricShards copies, and reading sums
// them up. (Those of prometheus-cpp take a lock for every observation.)
namespace peregrine::server {

inline constexpr int kMetricShards = 16;

// The copy of the calling thread. Threads are dealt out in turn.
int ThisThreadShard();

// Thread-safe.
class Counter {
 public:
  void Add(int64_t n = 1) {
    shards_[ThisThreadShard()].value.fetch_add(n, std::memory_order_relaxed);
  }
  int64_t value() const;

 private:
  struct alignas(64) Shard {
    std::atomic<int64_t> value{0};
  };
  std::array<Shard, kMetricShards> shards_;
};

// One counter for each status code; the label `outcome` is its name in lower
// case.
class OutcomeCounter {
 public:
  void Add(absl::StatusCode code, int64_t n = 1);
  int64_t value(absl::StatusCode code) const;

 private:
  std::array<Counter, 17> counters_;  // the codes are 0 to 16
};

// Thread-safe.
class Histogram {
 public:
  static constexpr int kMaxBounds = 39;

  // `bounds` are the upper ends of the buckets, ascending, at most kMaxBounds;
  // what is above the last one is counted in one more bucket.
  explicit Histogram(std::vector<double> bounds);

  void Observe(double value);

  struct Snapshot {
    std::vector<int64_t> cumulative;  // one more than bounds: the last has all
    double sum = 0;
  };
  Snapshot snapshot() const;
  absl::Span<const double> bounds() const { return bounds_; }

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<int64_t>, kMaxBounds + 1> counts{};
    std::atomic<double> sum{0};
  };
  const std::vector<double> bounds_;
  std::array<Shard, kMetricShards> shards_;
};

// 0.5 ms to 60 s, each 1.5 times the one before.
std::vector<double> LatencyBounds();
// The same ratio from 10 microseconds to 1 s: for one token.
std::vector<double> TokenLatencyBounds();
// 1, 2, 4, ... `last` (a power of two).
std::vector<double> PowersOfTwo(int last);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_METRICS_METRIC_TYPES_H_
