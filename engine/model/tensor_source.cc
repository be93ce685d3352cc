#include "engine/model/tensor_source.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::model {

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
                         absl::Span<const float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isfinite(values[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": tensor ", name, ": found ", values[i],
                     " at element ", i, ", expected finite numbers"));
  }
  return absl::OkStatus();
}

}  // namespace peregrine::model
