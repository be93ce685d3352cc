#include "engine/formats/renamed_tensors.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace peregrine::formats {
namespace {

std::vector<int64_t> ShapeInFile(const TensorPlace& place,
                                 absl::Span<const int64_t> shape) {
  std::vector<int64_t> file_shape(shape.begin(), shape.end());
  file_shape[0] = file_shape[0] * place.parts - place.zero_rows;
  if (place.transposed) std::swap(file_shape[0], file_shape[1]);
  if (place.leading_one) file_shape.insert(file_shape.begin(), 1);
  return file_shape;
}

// Rows of a tensor of a file, and of zeros behind them.
class PlacedRows final : public model::TensorRows {
 public:
  // Our row 0 is `first_row` of `rows`, which has `num_rows`.
  PlacedRows(std::unique_ptr<const model::TensorRows> rows, int64_t first_row,
             int64_t num_rows, int64_t row_size, float scale)
      : rows_(std::move(rows)),
        first_row_(first_row),
        num_rows_(num_rows),
        row_size_(row_size),
        scale_(scale) {}

  absl::Status Read(int64_t first, int64_t count, float* to) const override {
    const int64_t begin = std::min(first_row_ + first, num_rows_);
    const int64_t there = std::min(count, num_rows_ - begin);
    if (there > 0) {
      PEREGRINE_RETURN_IF_ERROR(rows_->Read(begin, there, to));
    }
    float* const end = to + there * row_size_;
    if (scale_ != 1.0f) {
      for (float* value = to; value < end; ++value) *value *= scale_;
    }
    std::fill_n(end, (count - there) * row_size_, 0.0f);
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<const model::TensorRows> rows_;
  const int64_t first_row_;
  const int64_t num_rows_;
  const int64_t row_size_;
  const float scale_;
};

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
  const std::vector<int64_t> file_shape = ShapeInFile(place, shape);
  PEREGRINE_ASSIGN_OR_RETURN(std::vector<float> values,
                             file_->Read(place.name, file_shape));
  if (place.transposed) values = Transposed(values, file_shape[1]);
  if (place.scale != 1.0f) {
    for (float& value : values) value *= place.scale;
  }
  values.resize(values.size() + place.zero_rows * model::RowSize(shape), 0.0f);
  if (place.parts == 1) return values;
  const size_t size = values.size() / place.parts;
  const auto begin = values.begin() + static_cast<ptrdiff_t>(size) * place.part;
  return std::vector<float>(begin, begin + static_cast<ptrdiff_t>(size));
}

absl::StatusOr<std::unique_ptr<const model::TensorRows>>
RenamedTensors::OpenRows(const std::string& name,
                         absl::Span<const int64_t> shape) {
  const auto found = table_.find(name);
  if (found == table_.end() || found->second.transposed ||
      found->second.leading_one || supplied_.count(name) != 0 ||
      excluded_.count(name) != 0) {
    return TensorSource::OpenRows(name, shape);
  }
  const TensorPlace& place = found->second;
  const std::vector<int64_t> file_shape = ShapeInFile(place, shape);
  PEREGRINE_ASSIGN_OR_RETURN(auto rows,
                             file_->OpenRows(place.name, file_shape));
  return std::make_unique<PlacedRows>(std::move(rows), shape[0] * place.part,
                                      file_shape[0], model::RowSize(shape),
                                      place.scale);
}

std::vector<std::string> RenamedTensors::Unread() const {
  std::vector<std::string> names;
  for (std::string& name : file_->Unread()) {
    if (ignored_.count(name) == 0) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace peregrine::formats
