#include "engine/model/weight_uploader.h"

#include <algorithm>
#include <limits>
#include <thread>

#include "absl/strings/str_cat.h"
#include "engine/base/float16.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/precision.h"

namespace peregrine::model {
namespace {

// Elements that a core converts at once, in its cache.
constexpr int kPartElements = 1 << 16;
constexpr int kPartsOfThread = 8;  // between two copies to the device

// What is smaller is done before other threads have woken up.
constexpr int64_t kSharedElements = int64_t{1} << 20;
constexpr int kMaxThreads = 16;  // then memory is what they wait for

// Values of an embedding table from which int8 models keep it in int8: it then
// saves 4 MiB or more (decision 5).
constexpr int64_t kLargeTable = int64_t{4} << 20;

// The sum of squares of a row, by several sums so that none waits for itself.
double SumOfSquares(const float* row, int size) {
  constexpr int kSums = 8;
  double sums[kSums] = {};
  int i = 0;
  for (; i + kSums <= size; i += kSums) {
    for (int j = 0; j < kSums; ++j) {
      const double value = row[i + j];
      sums[j] += value * value;
    }
  }
  double sum = 0.0;
  for (; i < size; ++i) sum += double{row[i]} * row[i];
  for (double part : sums) sum += part;
  return sum;
}

}  // namespace

absl::Status StackedRows::Read(int first, int count, float* to) const {
  int begin = 0;  // of the part, in rows of all
  for (const Part& part : parts_) {
    const int from = std::max(first, begin);
    const int until = std::min(first + count, begin + part.num_rows);
    if (from < until) {
      PEREGRINE_RETURN_IF_ERROR(
          part.rows->Read(from - begin, until - from,
                          to + static_cast<size_t>(from - first) * row_size_));
    }
    begin += part.num_rows;
  }
  return absl::OkStatus();
}

absl::Status CheckRows(const Table& table, int first,
                       absl::Span<const float> values) {
  const int dim = table.rows->row_size();
  for (size_t begin = 0; begin < values.size(); begin += dim) {
    const double sum = table.scale * SumOfSquares(&values[begin], dim);
    if (sum <= std::numeric_limits<float>::max()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(table.name, ": row ", first + begin / dim,
                     ": found a sum of squares of ", sum, ", expected at most ",
                     std::numeric_limits<float>::max()));
  }
  return absl::OkStatus();
}

template <class T>
absl::StatusOr<const T*> WeightUploader::UploadBytes(
    absl::Span<const T> values) {
  const size_t bytes = values.size() * sizeof(T);
  PEREGRINE_ASSIGN_OR_RETURN(auto buffer, kernels_.Allocate(bytes));
  kernels_.CopyToDevice(values.data(), bytes, buffer->data());
  bytes_ += bytes;
  buffers_.push_back(std::move(buffer));
  return static_cast<const T*>(buffers_.back()->data());
}

absl::StatusOr<const float*> WeightUploader::Upload(
    absl::Span<const float> values) {
  return UploadBytes(values);
}

ThreadTeam* WeightUploader::TeamFor(int64_t num_elements) {
  const int num_threads = static_cast<int>(
      std::min<unsigned>(std::thread::hardware_concurrency(), kMaxThreads));
  if (num_elements < kSharedElements || num_threads < 2) return nullptr;
  if (team_ == nullptr) team_ = std::make_unique<ThreadTeam>(num_threads);
  return team_.get();
}

// The rows as elements T, into which convert(number of the row, row, to) turns
// one.
template <class T, class Convert>
absl::StatusOr<const T*> WeightUploader::UploadRows(const Table& table,
                                                    Convert convert) {
  const int dim = table.rows->row_size();
  const int num_rows = table.rows->num_rows();
  const int64_t size = int64_t{num_rows} * dim;
  PEREGRINE_ASSIGN_OR_RETURN(auto buffer, kernels_.Allocate(size * sizeof(T)));
  auto* const device = static_cast<T*>(buffer->data());

  ThreadTeam* const team = TeamFor(size);
  const int part_rows = std::max(1, kPartElements / dim);
  const int num_parts =
      kPartsOfThread * (team == nullptr ? 1 : team->num_threads());
  std::vector<T> converted(static_cast<size_t>(part_rows) * num_parts * dim);
  for (int begin = 0; begin < num_rows; begin += part_rows * num_parts) {
    const int count = std::min(part_rows * num_parts, num_rows - begin);
    const auto convert_part = [&](int part) {
      const int first = part * part_rows;
      const int part_count = std::min(part_rows, count - first);
      std::vector<float> values(static_cast<size_t>(part_count) * dim);
      PEREGRINE_RETURN_IF_ERROR(
          table.rows->Read(begin + first, part_count, values.data()));
      PEREGRINE_RETURN_IF_ERROR(CheckRows(table, begin + first, values));
      for (int row = 0; row < part_count; ++row) {
        convert(begin + first + row, &values[static_cast<size_t>(row) * dim],
                &converted[static_cast<size_t>(first + row) * dim]);
      }
      return absl::OkStatus();
    };
    PEREGRINE_RETURN_IF_ERROR(
        ForParts(team, (count + part_rows - 1) / part_rows, convert_part));
    kernels_.CopyToDevice(converted.data(),
                          static_cast<size_t>(count) * dim * sizeof(T),
                          device + static_cast<size_t>(begin) * dim);
  }
  bytes_ += size * sizeof(T);
  buffers_.push_back(std::move(buffer));
  return device;
}

absl::Status WeightUploader::UploadTable(const Table& table,
                                         kernels::EmbeddingTable& to) {
  const int dim = table.rows->row_size();
  const int64_t size = int64_t{table.rows->num_rows()} * dim;
  if (precision_ == kernels::Precision::kFloat32) {
    const auto copy = [dim](int, const float* row, float* values) {
      std::copy_n(row, dim, values);
    };
    PEREGRINE_ASSIGN_OR_RETURN(to.table, UploadRows<float>(table, copy));
    return absl::OkStatus();
  }
  if (precision_ == kernels::Precision::kInt8 && size >= kLargeTable) {
    std::vector<float> scales(table.rows->num_rows());
    const auto quantize = [&](int number, const float* row, int8_t* values) {
      scales[number] = kernels::QuantizeRow(row, dim, values);
    };
    PEREGRINE_ASSIGN_OR_RETURN(to.int8_table,
                               UploadRows<int8_t>(table, quantize));
    PEREGRINE_ASSIGN_OR_RETURN(to.int8_scales, Upload(scales));
    return absl::OkStatus();
  }
  const auto round = [dim](int, const float* row, uint16_t* values) {
    std::transform(row, row + dim, values, ToBFloat16);
  };
  PEREGRINE_ASSIGN_OR_RETURN(to.bfloat16_table,
                             UploadRows<uint16_t>(table, round));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<kernels::LinearWeight>> WeightUploader::Pack(
    const StackedRows& weight, absl::Span<const float> bias,
    kernels::LinearRows rows, kernels::LinearUse use) {
  kernels::LinearSource source;
  source.bias = bias;
  source.out_dim = weight.num_rows();
  source.in_dim = weight.row_size();
  source.precision = precision_;
  source.rows = rows;
  source.use = use;
  source.read_rows = [&weight](int first, int count, float* to) {
    return weight.Read(first, count, to);
  };
  source.team = TeamFor(int64_t{source.out_dim} * source.in_dim);
  PEREGRINE_ASSIGN_OR_RETURN(auto packed, kernels_.PackLinear(source));
  bytes_ += packed->bytes();
  return packed;
}

}  // namespace peregrine::model
