#include "client/load/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace peregrine::client {
namespace {

// Buckets of each octave. Below 2 * kSteps nanoseconds each value has its own.
constexpr int kStepBits = 7;
constexpr std::int64_t kSteps = 1 << kStepBits;
constexpr std::int64_t kMaxNanoseconds = 7'200'000'000'000;

// How many low bits the buckets of this value's octave leave out.
int Shift(std::int64_t value) {
  int shift = 0;
  while ((value >> shift) >= 2 * kSteps) ++shift;
  return shift;
}

std::size_t BucketOf(std::int64_t value) {
  const int shift = Shift(value);
  return static_cast<std::size_t>(shift * kSteps + (value >> shift));
}

// The middle of a bucket.
std::int64_t ValueOf(std::size_t bucket) {
  const auto index = static_cast<std::int64_t>(bucket);
  if (index < 2 * kSteps) return index;
  const std::int64_t shift = index / kSteps - 1;
  const std::int64_t low = (index - shift * kSteps) << shift;
  return low + (std::int64_t{1} << shift) / 2;
}

}  // namespace

void LatencyHistogram::Add(absl::Duration value) {
  const std::int64_t nanoseconds = std::clamp(absl::ToInt64Nanoseconds(value),
                                              std::int64_t{0}, kMaxNanoseconds);
  const std::size_t bucket = BucketOf(nanoseconds);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  min_ = count_ == 0 ? nanoseconds : std::min(min_, nanoseconds);
  max_ = std::max(max_, nanoseconds);
  sum_ += static_cast<double>(nanoseconds);
  ++count_;
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  if (other.count_ == 0) return;
  buckets_.resize(std::max(buckets_.size(), other.buckets_.size()));
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) {
    buckets_[i] += other.buckets_[i];
  }
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
  count_ += other.count_;
}

absl::Duration LatencyHistogram::mean() const {
  if (count_ == 0) return absl::ZeroDuration();
  return absl::Nanoseconds(sum_ / static_cast<double>(count_));
}

absl::Duration LatencyHistogram::Percentile(double fraction) const {
  const auto wanted = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(
             std::ceil(fraction * static_cast<double>(count_))));
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted) {
      return absl::Nanoseconds(std::clamp(ValueOf(i), min_, max_));
    }
  }
  return max();
}

}  // namespace peregrine::client
