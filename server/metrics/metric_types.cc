#include "server/metrics/metric_types.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace peregrine::server {
namespace {

std::vector<double> GrowingBy1_5(double first, double last) {
  std::vector<double> bounds;
  // The last step is shorter, so that the end is the round number.
  for (double bound = first; bound < last * 0.9; bound *= 1.5) {
    bounds.push_back(bound);
  }
  bounds.push_back(last);
  return bounds;
}

}  // namespace

int ThisThreadShard() {
  static std::atomic<unsigned> next{0};
  thread_local const int shard = static_cast<int>(
      next.fetch_add(1, std::memory_order_relaxed) % kMetricShards);
  return shard;
}

int64_t Counter::value() const {
  int64_t sum = 0;
  for (const Shard& shard : shards_) {
    sum += shard.value.load(std::memory_order_relaxed);
  }
  return sum;
}

void OutcomeCounter::Add(absl::StatusCode code, int64_t n) {
  counters_[static_cast<int>(code)].Add(n);
}

int64_t OutcomeCounter::value(absl::StatusCode code) const {
  return counters_[static_cast<int>(code)].value();
}

Histogram::Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)) {
  PEREGRINE_CHECK(bounds_.size() <= kMaxBounds) << bounds_.size();
  PEREGRINE_CHECK(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void Histogram::Observe(double value) {
  const auto bucket =
      std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  Shard& shard = shards_[ThisThreadShard()];
  shard.counts[bucket].fetch_add(1, std::memory_order_relaxed);
  double sum = shard.sum.load(std::memory_order_relaxed);
  while (!shard.sum.compare_exchange_weak(sum, sum + value,
                                          std::memory_order_relaxed)) {
  }
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot;
  snapshot.cumulative.resize(bounds_.size() + 1);
  for (const Shard& shard : shards_) {
    for (size_t i = 0; i < snapshot.cumulative.size(); ++i) {
      snapshot.cumulative[i] += shard.counts[i].load(std::memory_order_relaxed);
    }
    snapshot.sum += shard.sum.load(std::memory_order_relaxed);
  }
  for (size_t i = 1; i < snapshot.cumulative.size(); ++i) {
    snapshot.cumulative[i] += snapshot.cumulative[i - 1];
  }
  return snapshot;
}

std::vector<double> LatencyBounds() { return GrowingBy1_5(0.0005, 60); }

std::vector<double> TokenLatencyBounds() { return GrowingBy1_5(0.00001, 1); }

std::vector<double> PowersOfTwo(int last) {
  std::vector<double> bounds;
  for (int bound = 1; bound <= last; bound *= 2) bounds.push_back(bound);
  return bounds;
}

}  // namespace peregrine::server
