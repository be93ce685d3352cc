#ifndef PEREGRINE_CLIENT_LOAD_LATENCY_HISTOGRAM_H_
#define PEREGRINE_CLIENT_LOAD_LATENCY_HISTOGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace peregrine::client {

// Counts durations in buckets whose width grows with the value, as an HDR
// histogram does: any percentile of any number of them, wrong by at most
// 1/256 of its value, in at most 38 KB. Mean and extremes are exact. Values
// outside [0, 2 hours] count as the nearer end. Not thread-safe.
class LatencyHistogram {
 public:
  void Add(absl::Duration value);
  void Merge(const LatencyHistogram& other);

  std::int64_t count() const { return count_; }

  // Zero where nothing was counted.
  absl::Duration min() const { return absl::Nanoseconds(min_); }
  absl::Duration max() const { return absl::Nanoseconds(max_); }
  absl::Duration mean() const;

  // The smallest value that `fraction` (0 to 1) of all do not exceed.
  absl::Duration Percentile(double fraction) const;

 private:
  std::vector<std::int64_t> buckets_;  // as many as the largest value needs
  std::int64_t count_ = 0;
  std::int64_t min_ = 0;
  std::int64_t max_ = 0;
  double sum_ = 0;  // nanoseconds, as the two above
};

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_LOAD_LATENCY_HISTOGRAM_H_
