#ifndef PEREGRINE_ENGINE_MODEL_WEIGHT_UPLOADER_H_
#define PEREGRINE_ENGINE_MODEL_WEIGHT_UPLOADER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/base/thread_team.h"
#include "engine/kernels/kernels.h"
#include "engine/model/tensor_source.h"

namespace peregrine::model {

// Matrices of one width, one below the other.
class StackedRows {
 public:
  explicit StackedRows(int row_size) : row_size_(row_size) {}

  void Add(std::unique_ptr<const TensorRows> rows, int num_rows) {
    parts_.push_back({std::move(rows), num_rows});
    num_rows_ += num_rows;
  }

  int num_rows() const { return num_rows_; }
  int row_size() const { return row_size_; }

  // As TensorRows::Read.
  absl::Status Read(int first, int count, float* to) const;

 private:
  struct Part {
    std::unique_ptr<const TensorRows> rows;
    int num_rows;
  };

  const int row_size_;
  std::vector<Part> parts_;
  int num_rows_ = 0;
};

// A matrix whose rows are looked at by tokens or positions.
struct Table {
  std::string name;  // file and tensor, for errors
  std::shared_ptr<const StackedRows> rows;
  // What the elements are multiplied by when a row is taken.
  double scale = 1.0;
};

// Puts weights on a device, in the precision of the model. Large ones are read,
// checked and converted some rows at a time, by all cores: neither a file nor a
// float32 copy of a large table ever stands in memory whole.
class WeightUploader {
 public:
  WeightUploader(kernels::Kernels& kernels, kernels::Precision precision)
      : kernels_(kernels), precision_(precision) {}

  absl::StatusOr<const float*> Upload(absl::Span<const float> values);

  // Sets the one of `to`'s tables that the precision asks for.
  absl::Status UploadTable(const Table& table, kernels::EmbeddingTable& to);

  // `bias` may be empty.
  absl::StatusOr<std::unique_ptr<kernels::LinearWeight>> Pack(
      const StackedRows& weight, absl::Span<const float> bias,
      kernels::LinearRows rows, kernels::LinearUse use);

  // What Upload and UploadTable gave views of.
  std::vector<std::unique_ptr<kernels::Buffer>> TakeBuffers() {
    return std::move(buffers_);
  }
  size_t bytes() const { return bytes_; }  // on the device, so far

 private:
  template <class T>
  absl::StatusOr<const T*> UploadBytes(absl::Span<const T> values);
  template <class T, class Convert>
  absl::StatusOr<const T*> UploadRows(const Table& table, Convert convert);

  // Null for what one thread does sooner.
  ThreadTeam* TeamFor(int64_t num_elements);

  kernels::Kernels& kernels_;
  const kernels::Precision precision_;
  std::unique_ptr<ThreadTeam> team_;  // made when it is first of use
  std::vector<std::unique_ptr<kernels::Buffer>> buffers_;
  size_t bytes_ = 0;
};

// A row of an embedding is only looked at when its token comes, so a trial
// translation does not find one that makes the output infinite: a norm sums
// squares, in float32. INVALID_ARGUMENT names the first row of `values`, rows
// of row_size of `table` from `first`, that does.
absl::Status CheckRows(const Table& table, int first,
                       absl::Span<const float> values);

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_WEIGHT_UPLOADER_H_
