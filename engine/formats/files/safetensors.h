#ifndef PEREGRINE_ENGINE_FORMATS_FILES_SAFETENSORS_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_SAFETENSORS_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/file.h"
#include "engine/formats/files/tensor_file.h"

namespace peregrine::formats {

// A file in the safetensors format: an 8-byte little-endian length, a JSON
// header that gives every tensor's type, shape and byte range, then the data.
// Mapped, not read; F32, F16 and BF16 are understood. Not thread-safe.
class SafetensorsFile final : public TensorFile {
 public:
  // Maps the file and checks the whole header: sizes, types, ranges inside the
  // file, ranges that agree with shapes, no overlap, no gap.
  static absl::StatusOr<std::unique_ptr<SafetensorsFile>> Open(
      const std::string& path);

 private:
  using TensorFile::TensorFile;

  absl::Status ParseHeader();
  absl::Status ParseEntries(absl::string_view header);
  absl::Status CheckRanges() const;

  absl::string_view data_;  // the data section
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_SAFETENSORS_H_
