#ifndef PEREGRINE_ENGINE_MODEL_TENSOR_SOURCE_H_
#define PEREGRINE_ENGINE_MODEL_TENSOR_SOURCE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace peregrine::model {

// A tensor of a checkpoint, of which some rows at a time are read: a large one
// need not stand in memory as float32. An element of a vector is a row.
class TensorRows {
 public:
  virtual ~TensorRows() = default;

  // Writes the rows [first, first + count) to `to`, row-major. Any number of
  // threads may read. INVALID_ARGUMENT: a value that is not finite;
  // UNAVAILABLE: the file cannot be read any more. Errors name file and tensor.
  virtual absl::Status Read(int64_t first, int64_t count, float* to) const = 0;
};

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

  // The same, to be read by rows while this source lives. By default all of it
  // is read at once.
  virtual absl::StatusOr<std::unique_ptr<const TensorRows>> OpenRows(
      const std::string& name, absl::Span<const int64_t> shape);

  // Names that neither Read nor OpenRows was ever called for, sorted.
  virtual std::vector<std::string> Unread() const = 0;
};

// Elements of a row of a tensor that is not empty.
int64_t RowSize(absl::Span<const int64_t> shape);

// "[512, 64]"
std::string ShapeString(absl::Span<const int64_t> shape);

// Number of elements, or -1 where it does not fit 2^48.
int64_t NumElements(absl::Span<const int64_t> shape);

// INVALID_ARGUMENT, naming file, tensor and element, where one is not finite.
// The first of `values` is the element `first` of the tensor.
absl::Status CheckFinite(const std::string& path, const std::string& name,
                         absl::Span<const float> values, int64_t first = 0);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_TENSOR_SOURCE_H_
