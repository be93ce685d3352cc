#ifndef PEREGRINE_ENGINE_FORMATS_FILES_TENSOR_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_TENSOR_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "engine/base/file.h"
#include "engine/model/tensor_source.h"

namespace peregrine::formats {

enum class ElementType {
  kFloat64,
  kFloat32,
  kFloat16,
  kBFloat16,
  kInt32,
  kInt16,
  kInt8,
  kText,  // bytes that are no numbers
  kOther
};

// 0 for kOther.
size_t ElementBytes(ElementType type);

// A tensor as a file holds it: little-endian, row-major.
struct StoredTensor {
  ElementType type = ElementType::kOther;
  std::string type_name;  // what the format calls it, for errors
  std::vector<int64_t> shape;
  absl::string_view bytes;  // as many as shape and type say, or more
};

// Dimensions of a tensor; a file with more is damaged.
constexpr int kMaxDimensions = 8;

// The elements as they are; the type is one of numbers.
std::vector<float> StoredValues(const StoredTensor& tensor);

// `count` elements of `type`, one of numbers, which need not be aligned.
void ConvertElements(ElementType type, const char* elements, size_t count,
                     float* to);

// What the readers of files of weights share: the file, mapped and not read,
// and an index of its tensors, which a reader fills as it opens the file. Not
// thread-safe.
class TensorFile : public model::TensorSource {
 public:
  const std::string& path() const override { return file_->path(); }
  bool Has(const std::string& name) const override;
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  absl::StatusOr<std::unique_ptr<const model::TensorRows>> OpenRows(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override;

  // Shape of a tensor, none if there is none.
  absl::optional<std::vector<int64_t>> Shape(const std::string& name) const;

  // Whether a tensor of this file and one of another are the same: type, shape
  // and every byte. Both are there.
  bool IsSame(const std::string& name, const TensorFile& other,
              const std::string& other_name) const;

  // The name in the index of what has this name in the file.
  virtual std::string Resolve(const std::string& name) const { return name; }

 protected:
  // How the elements of a tensor stand in its bytes, where there are several
  // ways: equal bytes mean equal tensors only where this is equal.
  virtual std::string Layout(const std::string& /*name*/) const { return ""; }

  explicit TensorFile(std::unique_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  // Whether Values gives no more than the elements as they are stored, which
  // are then read by rows.
  virtual bool IsPlain(const std::string& /*name*/,
                       const StoredTensor& /*tensor*/) const {
    return true;
  }

  // What Read gives of a tensor, before it is checked to be finite.
  virtual absl::StatusOr<std::vector<float>> Values(const std::string& name,
                                                    const StoredTensor& tensor);

  absl::string_view bytes() const { return file_->bytes(); }
  const std::map<std::string, StoredTensor>& tensors() const {
    return tensors_;
  }
  // Null if there is none.
  const StoredTensor* Find(const std::string& name) const;
  // An error if there is none of this shape.
  absl::StatusOr<const StoredTensor*> FindOfShape(
      const std::string& name, absl::Span<const int64_t> shape) const;
  void MarkRead(const std::string& name) { read_.insert(Resolve(name)); }

  // Adds a tensor to the index; an error if there is one of this name.
  absl::Status Add(const std::string& name, StoredTensor tensor);
  // An error unless the tensor has as many bytes as shape and type say.
  absl::Status CheckSize(const std::string& name,
                         const StoredTensor& tensor) const;

  // INVALID_ARGUMENT that names the file, or file and tensor.
  absl::Status Error(absl::string_view message) const;
  absl::Status TensorError(const std::string& name,
                           absl::string_view message) const;

 private:
  const std::unique_ptr<const MappedFile> file_;
  std::map<std::string, StoredTensor> tensors_;
  std::set<std::string> read_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_TENSOR_FILE_H_
