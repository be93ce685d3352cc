#ifndef PEREGRINE_ENGINE_FORMATS_RENAMED_TENSORS_H_
#define PEREGRINE_ENGINE_FORMATS_RENAMED_TENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

// Where a tensor of ours stands in a file of another format.
struct TensorPlace {
  std::string name;
  // The file has `parts` tensors of our shape one below the other as one.
  int part = 0;
  int parts = 1;
  // The file has [1, n] for our [n].
  bool leading_one = false;
  // The file has [n, m] for our [m, n].
  bool transposed = false;
  // We have so many rows, or elements of a vector, of zeros more than the file.
  int zero_rows = 0;
  // We have this times what the file has.
  float scale = 1.0f;
};

// The tensors of a file of another format under our names: a format that
// differs in names only is a table of names.
class RenamedTensors final : public model::TensorSource {
 public:
  // From our names to places in `file`.
  using Table = std::map<std::string, TensorPlace>;
  RenamedTensors(std::unique_ptr<model::TensorSource> file, Table table)
      : file_(std::move(file)), table_(std::move(table)) {}

  // The tensor `name` of ours has the given values and stands in no file.
  void Supply(const std::string& name, std::vector<float> values) {
    supplied_[name] = std::move(values);
  }

  // A tensor of the file that may be there and has no meaning for us.
  void Ignore(const std::string& name) { ignored_.insert(name); }

  // Elements `ids` of our tensor `name` read as minus infinity: an output bias
  // that takes all probability from these tokens.
  void Exclude(const std::string& name, std::vector<int32_t> ids) {
    excluded_[name] = std::move(ids);
  }

  const std::string& path() const override { return file_->path(); }
  bool Has(const std::string& name) const override;
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  absl::StatusOr<std::unique_ptr<const model::TensorRows>> OpenRows(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override;

 private:
  absl::StatusOr<std::vector<float>> ReadPlace(const TensorPlace& place,
                                               absl::Span<const int64_t> shape);

  const std::unique_ptr<model::TensorSource> file_;
  const Table table_;
  std::map<std::string, std::vector<float>> supplied_;
  std::map<std::string, std::vector<int32_t>> excluded_;
  std::set<std::string> ignored_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_RENAMED_TENSORS_H_
