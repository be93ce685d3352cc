#include "engine/formats/torch_checkpoints/tensor_names.h"

#include "absl/strings/str_cat.h"
#include "engine/formats/limits.h"

namespace peregrine::formats {

absl::StatusOr<std::vector<int64_t>> TensorNames::MatrixShape(
    const std::string& name, int64_t rows) const {
  const auto shape = file_.Shape(name);
  const bool fits = shape.has_value() && shape->size() == 2 &&
                    (rows < 0 || (*shape)[0] == rows) && (*shape)[0] >= 1 &&
                    (*shape)[0] <= kMaxVocab && (*shape)[1] >= 1 &&
                    (*shape)[1] <= kMaxDim;
  if (fits) return *shape;
  return absl::InvalidArgumentError(absl::StrCat(
      file_.path(), ": tensor ", name, ": found ",
      shape.has_value() ? "shape " + model::ShapeString(*shape) : "none",
      ", expected a matrix",
      rows < 0 ? "" : absl::StrCat(" of ", rows, " rows")));
}

void TensorNames::AddLinear(const std::string& ours,
                            const std::string& theirs) {
  Add(ours + ".weight", {theirs + ".weight"});
  Add(ours + ".bias", {theirs + ".bias"});
}

std::unique_ptr<model::TensorSource> TensorNames::Rename(
    std::unique_ptr<TorchFile> file) && {
  auto tensors =
      std::make_unique<RenamedTensors>(std::move(file), std::move(table_));
  for (const std::string& name : ignored_) tensors->Ignore(name);
  for (const auto& [name, size] : zeros_) {
    tensors->Supply(name, std::vector<float>(size));
  }
  return tensors;
}

}  // namespace peregrine::formats
