#ifndef PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TENSOR_NAMES_H_
#define PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TENSOR_NAMES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/formats/files/torch_file.h"
#include "engine/formats/renamed_tensors.h"

namespace peregrine::formats {

// Under which names of ours the tensors of a checkpoint are read, while its
// architecture is read off them.
class TensorNames {
 public:
  // `file` must outlive all but Rename.
  explicit TensorNames(const TorchFile& file) : file_(file) {}

  // Of a matrix within our limits, with `rows` rows, if that is not negative.
  absl::StatusOr<std::vector<int64_t>> MatrixShape(const std::string& name,
                                                   int64_t rows = -1) const;

  void Add(const std::string& ours, TensorPlace theirs) {
    table_[ours] = std::move(theirs);
  }
  // Weight and bias.
  void AddLinear(const std::string& ours, const std::string& theirs);
  // A vector that the file has not.
  void AddZeros(const std::string& ours, int size) {
    zeros_.emplace_back(ours, size);
  }
  // What may be there and has no meaning for us.
  void Ignore(std::string theirs) { ignored_.push_back(std::move(theirs)); }

  std::unique_ptr<model::TensorSource> Rename(
      std::unique_ptr<TorchFile> file) &&;

 private:
  const TorchFile& file_;
  RenamedTensors::Table table_;
  std::vector<std::string> ignored_;
  std::vector<std::pair<std::string, int>> zeros_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_TORCH_CHECKPOINTS_TENSOR_NAMES_H_
