#include "engine/shapes/random_tensors.h"

#include <cmath>
#include <random>

#include "absl/strings/match.h"

namespace peregrine::shapes {

absl::StatusOr<std::vector<float>> RandomTensors::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  size_t count = 1;
  for (int64_t dim : shape) count *= static_cast<size_t>(dim);
  std::seed_seq seed(name.begin(), name.end());
  std::vector<uint32_t> mixed(1);
  seed.generate(mixed.begin(), mixed.end());
  std::minstd_rand random(mixed[0] ^ seed_);

  const bool is_gain = absl::EndsWith(name, "norm.weight");
  const float mean = is_gain ? 1.0f : 0.0f;
  const float deviation =
      shape.size() < 2 ? 0.02f
                       : 1.0f / std::sqrt(static_cast<float>(shape.back()));
  // A sum of four uniform numbers: near enough to normal, and fast for the
  // hundreds of millions of a full-size model.
  const float scale = deviation * std::sqrt(3.0f);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& value : values) {
    const float sum =
        uniform(random) + uniform(random) + uniform(random) + uniform(random);
    value = mean + scale * 0.5f * sum;
  }
  return values;
}

}  // namespace peregrine::shapes
