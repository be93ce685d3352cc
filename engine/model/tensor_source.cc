#include "engine/model/tensor_source.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"

namespace peregrine::model {

namespace {

class WholeTensor final : public TensorRows {
 public:
  WholeTensor(std::vector<float> values, size_t row_size)
      : values_(std::move(values)), row_size_(row_size) {}

  absl::Status Read(int64_t first, int64_t count, float* to) const override {
    std::copy_n(values_.data() + first * row_size_, count * row_size_, to);
    return absl::OkStatus();
  }

 private:
  const std::vector<float> values_;
  const size_t row_size_;
};

// Without a branch, so that it takes many values at once.
bool AreFinite(absl::Span<const float> values) {
  constexpr uint32_t kExponent = 0x7f800000;
  uint32_t num_bad = 0;
  for (const float& value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    num_bad += (bits & kExponent) == kExponent;
  }
  return num_bad == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<const TensorRows>> TensorSource::OpenRows(
    const std::string& name, absl::Span<const int64_t> shape) {
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<float> values, Read(name, shape));
  return std::make_unique<WholeTensor>(std::move(values), RowSize(shape));
}

int64_t RowSize(absl::Span<const int64_t> shape) {
  return NumElements(shape.subspan(1));
}

std::string ShapeString(absl::Span<const int64_t> shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

int64_t NumElements(absl::Span<const int64_t> shape) {
  constexpr int64_t kLimit = int64_t{1} << 48;
  int64_t count = 1;
  for (int64_t dim : shape) {
    if (dim < 0 || (dim > 0 && count > kLimit / dim)) return -1;
    count *= dim;
  }
  return count;
}

absl::Status CheckFinite(const std::string& path, const std::string& name,
                         absl::Span<const float> values, int64_t first) {
  if (AreFinite(values)) return absl::OkStatus();
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": tensor ", name, ": found ", values[i], " at element ",
        first + static_cast<int64_t>(i), ", expected finite numbers"));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::model
