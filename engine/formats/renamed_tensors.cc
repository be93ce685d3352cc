#include "engine/formats/renamed_tensors.h"

#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

size_t RowSize(absl::Span<const int64_t> shape) {
  return shape.size() < 2 ? 1 : static_cast<size_t>(shape[1]);
}

std::vector<float> Transposed(const std::vector<float>& matrix,
                              int64_t num_columns) {
  const size_t columns = static_cast<size_t>(num_columns);
  const size_t rows = columns == 0 ? 0 : matrix.size() / columns;
  std::vector<float> result(matrix.size());
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      result[column * rows + row] = matrix[row * columns + column];
    }
  }
  return result;
}

}  // namespace

bool RenamedTensors::Has(const std::string& name) const {
  if (supplied_.count(name) != 0) return true;
  const auto place = table_.find(name);
  return place != table_.end() && file_->Has(place->second.name);
}

absl::StatusOr<std::vector<float>> RenamedTensors::Read(
    const std::string& name, absl::Span<const int64_t> shape) {
  std::vector<float> values;
  const auto supplied = supplied_.find(name);
  const auto place = table_.find(name);
  if (supplied != supplied_.end()) {
    values = supplied->second;
  } else if (place != table_.end()) {
    PEREGRINE_ASSIGN_OR_RETURN(values, ReadPlace(place->second, shape));
  } else {
    return absl::NotFoundError(
        absl::StrCat(path(), ": tensor ", name,
                     ": this format has none, expected one of shape ",
                     model::ShapeString(shape)));
  }
  const auto excluded = excluded_.find(name);
  if (excluded != excluded_.end()) {
    for (int32_t id : excluded->second) {
      PEREGRINE_CHECK(static_cast<size_t>(id) < values.size()) << id;
      values[id] = -std::numeric_limits<float>::infinity();
    }
  }
  return values;
}

absl::StatusOr<std::vector<float>> RenamedTensors::ReadPlace(
    const TensorPlace& place, absl::Span<const int64_t> shape) {
  std::vector<int64_t> file_shape(shape.begin(), shape.end());
  file_shape[0] = file_shape[0] * place.parts - place.zero_rows;
  if (place.transposed) std::swap(file_shape[0], file_shape[1]);
  if (place.leading_one) file_shape.insert(file_shape.begin(), 1);
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<float> values,
                             file_->Read(place.name, file_shape));
  if (place.transposed) values = Transposed(values, file_shape[1]);
  if (place.scale != 1.0f) {
    for (float& value : values) value *= place.scale;
  }
  values.resize(values.size() + place.zero_rows * RowSize(shape), 0.0f);
  if (place.parts == 1) return values;
  const size_t size = values.size() / place.parts;
  const auto begin = values.begin() + static_cast<ptrdiff_t>(size) * place.part;
  return std::vector<float>(begin, begin + static_cast<ptrdiff_t>(size));
}

std::vector<std::string> RenamedTensors::Unread() const {
  std::vector<std::string> names;
  for (std::string& name : file_->Unread()) {
    if (ignored_.count(name) == 0) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace peregrine::formats
