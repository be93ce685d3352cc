#include "engine/model/weights_bytes.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "engine/base/status_macros.h"
#include "engine/model/tensor_source.h"
#include "engine/model/weights.h"

namespace peregrine::model {
namespace {

// Has every tensor that it is asked for, all zeros.
class ZeroTensors final : public TensorSource {
 public:
  const std::string& path() const override { return path_; }
  bool Has(const std::string&) const override { return true; }
  absl::StatusOr<std::vector<float>> Read(
      const std::string&, absl::Span<const int64_t> shape) override {
    return std::vector<float>(static_cast<size_t>(NumElements(shape)));
  }
  std::vector<std::string> Unread() const override { return {}; }

 private:
  const std::string path_ = "zeros";
};

}  // namespace

// How a kernel pads and packs is its own affair, so it is asked to.
absl::StatusOr<size_t> WeightsBytes(const ArchitectureConfig& architecture,
                                    kernels::Kernels& kernels,
                                    kernels::Precision precision,
                                    bool selects) {
  ZeroTensors tensors;
  PEREGRINE_ASSIGN_OR_RETURN(
      const Weights weights,
      LoadWeights(architecture, tensors, kernels, precision, selects));
  return weights.bytes;
}

}  // namespace peregrine::model
