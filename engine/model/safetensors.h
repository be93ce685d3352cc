#ifndef PEREGRINE_ENGINE_MODEL_SAFETENSORS_H_
#define PEREGRINE_ENGINE_MODEL_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/base/file.h"
#include "engine/model/tensor_source.h"

namespace peregrine::model {

// A file in the safetensors format: an 8-byte little-endian length, a JSON
// header that gives every tensor's type, shape and byte range, then the data.
// Mapped, not read; F32, F16 and BF16 are understood. Not thread-safe.
class SafetensorsFile final : public TensorSource {
 public:
  // Maps the file and checks the whole header: sizes, types, ranges inside the
  // file, ranges that agree with shapes, no overlap, no gap.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(
      const std::string& path);

  const std::string& path() const override { return file_->path(); }
  bool Has(const std::string& name) const override;
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override;

 private:
  enum class Type { kF32, kF16, kBF16 };
  struct Entry {
    Type type;
    std::vector<int64_t> shape;
    size_t begin = 0;  // bytes into the data section
    size_t end = 0;
  };

  explicit SafetensorsFile(std::unique_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  absl::Status ParseHeader();
  absl::Status ParseEntries(absl::string_view header);
  absl::Status CheckRanges() const;
  absl::Status Error(absl::string_view message) const;

  const std::unique_ptr<const MappedFile> file_;
  absl::string_view data_;  // the data section
  std::map<std::string, Entry> entries_;
  std::set<std::string> read_;
};

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_SAFETENSORS_H_
