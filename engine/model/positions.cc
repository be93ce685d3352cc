#include "engine/model/positions.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "engine/base/check.h"

namespace peregrine::model {

std::vector<float> SinusoidalPositions(PositionEncoding encoding,
                                       int max_positions, int dim) {
  PEREGRINE_CHECK(encoding != PositionEncoding::kLearned &&
                  encoding != PositionEncoding::kDistances);
  const bool interleaved = encoding == PositionEncoding::kSinusoidalInterleaved;
  const int half = dim / 2;
  // With a half of 1 there is one frequency, and nothing to divide by.
  const double divisor = encoding == PositionEncoding::kSinusoidalConcatenated
                             ? std::max(half - 1, 1)
                             : half;
  std::vector<double> frequencies(half);
  for (int i = 0; i < half; ++i) {
    frequencies[i] = std::exp(-i * std::log(10000.0) / divisor);
  }
  std::vector<float> table(static_cast<size_t>(max_positions) * dim);
  for (int position = 0; position < max_positions; ++position) {
    float* row = table.data() + static_cast<size_t>(position) * dim;
    for (int i = 0; i < half; ++i) {
      const double angle = position * frequencies[i];
      row[interleaved ? 2 * i : i] = static_cast<float>(std::sin(angle));
      row[interleaved ? 2 * i + 1 : half + i] =
          static_cast<float>(std::cos(angle));
    }
  }
  return table;
}

// In float32, as the libraries do it: in another precision a distance may fall
// into the bucket beside.
int BucketOfDistance(const DistanceBuckets& buckets, bool is_encoder,
                     int distance) {
  int num_buckets = buckets.num_buckets;
  int first = 0;
  if (is_encoder) {
    num_buckets /= 2;
    if (distance > 0) first = num_buckets;
    distance = std::abs(distance);
  } else {
    distance = std::max(-distance, 0);
  }
  const int num_exact = num_buckets / 2;
  if (distance < num_exact) return first + distance;
  const float share =
      std::log(static_cast<float>(distance) / static_cast<float>(num_exact)) /
      static_cast<float>(
          std::log(static_cast<double>(buckets.max_distance) / num_exact));
  const int wide =
      static_cast<int>(share * static_cast<float>(num_buckets - num_exact));
  return first + std::min(num_exact + wide, num_buckets - 1);
}

std::vector<float> DistanceTable(const DistanceBuckets& buckets,
                                 bool is_encoder, int num_heads,
                                 absl::Span<const float> by_bucket) {
  const int most = buckets.max_distance;
  std::vector<float> table;
  table.reserve(static_cast<size_t>(num_heads) * (2 * most + 1));
  for (int head = 0; head < num_heads; ++head) {
    for (int distance = -most; distance <= most; ++distance) {
      const int bucket = BucketOfDistance(buckets, is_encoder, distance);
      table.push_back(by_bucket[bucket * num_heads + head]);
    }
  }
  return table;
}

}  // namespace peregrine::model
