#include "engine/model/positions.h"

#include <algorithm>
#include <cmath>

#include "engine/base/check.h"

namespace peregrine::model {

std::vector<float> SinusoidalPositions(PositionEncoding encoding,
                                       int max_positions, int dim) {
  PEREGRINE_CHECK(encoding != PositionEncoding::kLearned);
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

}  // namespace peregrine::model
