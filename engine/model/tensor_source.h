#ifndef PEREGRINE_ENGINE_MODEL_TENSOR_SOURCE_H_
#define PEREGRINE_ENGINE_MODEL_TENSOR_SOURCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace peregrine::model {

// Named tensors of one checkpoint, whatever its format: the seam where other
// formats join.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  // The file, for errors.
  virtual const std::string& path() const = 0;

  virtual bool Has(const std::string& name) const = 0;

  // The tensor as float32, row-major. NOT_FOUND: no such tensor;
  // INVALID_ARGUMENT: another shape or an element type that does not convert,
  // or a value that is not finite. Errors name file and tensor, found and
  // expected.
  virtual absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) = 0;

  // Names that Read was never called for, sorted.
  virtual std::vector<std::string> Unread() const = 0;
};

// "[512, 64]"
std::string ShapeString(absl::Span<const int64_t> shape);

// Number of elements, or -1 where it does not fit 2^48.
int64_t NumElements(absl::Span<const int64_t> shape);

// INVALID_ARGUMENT, naming file, tensor and element, where one is not finite.
absl::Status CheckFinite(const std::string& path, const std::string& name,
                         absl::Span<const float> values);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_TENSOR_SOURCE_H_
