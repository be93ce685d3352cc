#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_WEIGHT_FILES_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_WEIGHT_FILES_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/formats/files/tensor_file.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

// From tensors to the files that hold them: an index like
// model.safetensors.index.json, whose content is `json`. Errors name `path`.
absl::StatusOr<std::map<std::string, std::string>> ParseWeightMap(
    absl::string_view json, const std::string& path);

// SafetensorsFile for a path that ends in .safetensors, else TorchFile.
absl::StatusOr<std::unique_ptr<TensorFile>> OpenTensorFile(
    const std::string& path);

// The weights of a model: one file, or several beside an index. The index and
// the files must agree on what stands where; that the tensors of a file do not
// overlap is the file's own check. Not thread-safe.
class WeightFiles final : public model::TensorSource {
 public:
  // An index for a path that ends in .json, else a file.
  static absl::StatusOr<std::unique_ptr<WeightFiles>> Open(
      const std::string& path);

  // Whether both tensors, which are there, are the same to the last bit.
  bool AreSame(const std::string& a, const std::string& b) const;

  const std::string& path() const override { return path_; }
  bool Has(const std::string& name) const override;
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  absl::StatusOr<std::unique_ptr<const model::TensorRows>> OpenRows(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override;

 private:
  explicit WeightFiles(std::string path) : path_(std::move(path)) {}
  absl::Status OpenShards();
  // The file of a tensor.
  absl::StatusOr<TensorFile*> ShardOf(const std::string& name,
                                      absl::Span<const int64_t> shape) const;
  absl::Status CheckIndex() const;

  const std::string path_;
  std::map<std::string, std::string> shard_of_;  // by tensor
  std::map<std::string, std::unique_ptr<TensorFile>> shards_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_WEIGHT_FILES_H_
