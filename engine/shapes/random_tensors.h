#ifndef PEREGRINE_ENGINE_SHAPES_RANDOM_TENSORS_H_
#define PEREGRINE_ENGINE_SHAPES_RANDOM_TENSORS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model/tensor_source.h"

namespace peregrine::shapes {

// Has every tensor that it is asked for, filled with random numbers that depend
// on `seed` and the tensor's name: models of any shape for tests and
// benchmarks. Matrices are normal with the variance 1 / columns that keeps
// activations of order one, norms near the identity, biases small.
class RandomTensors final : public model::TensorSource {
 public:
  explicit RandomTensors(uint32_t seed) : seed_(seed) {}

  const std::string& path() const override { return path_; }
  bool Has(const std::string&) const override { return true; }
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override { return {}; }

 private:
  const uint32_t seed_;
  const std::string path_ = "random tensors";
};

}  // namespace peregrine::shapes

#endif  // PEREGRINE_ENGINE_SHAPES_RANDOM_TENSORS_H_
