#ifndef PEREGRINE_BENCH_ONEDNN_PRODUCT_H_
#define PEREGRINE_BENCH_ONEDNN_PRODUCT_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/kernels/precision.h"

namespace peregrine {

// y = ReLU(x W^T + b) by oneDNN, on the calling thread alone: as many weights
// of a shape as are asked for, in the layout that it likes best, and inputs
// that are in the type of the product already. In int8 inputs are unsigned
// without a zero point, and their scales are left out: that is in oneDNN's
// favour.
class OneDnnProduct {
 public:
  struct Shape {
    int rows = 0;
    int in_dim = 0;
    int out_dim = 0;
  };

  // UNIMPLEMENTED: oneDNN does not multiply in `precision` on this core.
  static absl::StatusOr<std::unique_ptr<OneDnnProduct>> Create(
      const Shape& shape, kernels::Precision precision, int num_weights);
  virtual ~OneDnnProduct() = default;

  virtual void Run(int weight) = 0;
  // Of the implementation that it chose.
  virtual const char* name() const = 0;
  // Of int8: the largest difference of an exact sum to what comes out, with the
  // largest inputs and weights. 0 where int8 is exact.
  virtual double LargestError() = 0;
};

}  // namespace peregrine

#endif  // PEREGRINE_BENCH_ONEDNN_PRODUCT_H_
