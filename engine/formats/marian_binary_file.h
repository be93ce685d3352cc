#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_BINARY_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_BINARY_FILE_H_

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
#include "engine/formats/marian_file.h"

namespace peregrine::formats {

// Marian's own binary format (.bin), version 1. Little-endian:
//
//   u64 version, u64 number of tensors; of each: u64 bytes of its name with the
//     NUL that ends it, u64 type, u64 dimensions, u64 bytes of its data
//   all names; all dimensions as i32; u64 bytes of padding, the padding
//   all data
//
// float32 and float16 are as they are. intgemm8 and intgemm16 are integers q,
// then a float32 m: the weights are q / m, and stand in the order of the
// transposed matrix unless the name has Wemb in it, as the tools that make
// files for any processor leave them (those for one processor are refused).
// Mapped, not read. Not thread-safe.
class MarianBinaryFile final : public MarianFile {
 public:
  // Whether a file begins like one.
  static bool IsOne(const std::string& path);

  // Maps the file and checks all of its index.
  static absl::StatusOr<std::unique_ptr<MarianFile>> Open(
      const std::string& path);

  const std::string& path() const override { return file_->path(); }
  bool Has(const std::string& name) const override;
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override;
  absl::optional<std::vector<int64_t>> Shape(
      const std::string& name) const override;
  absl::optional<std::string> Text(const std::string& name) override;

 private:
  struct Tensor {
    uint64_t type = 0;
    std::vector<int64_t> shape;
    absl::string_view bytes;
  };
  struct Header {
    uint64_t name_bytes;
    uint64_t type;
    uint64_t dimensions;
    uint64_t data_bytes;
  };

  explicit MarianBinaryFile(std::unique_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  absl::Status Parse();
  absl::Status Check(const std::string& name, const Tensor& tensor) const;
  absl::Status Error(absl::string_view message) const;
  absl::StatusOr<std::vector<float>> Dequantized(const std::string& name,
                                                 const Tensor& tensor) const;

  const std::unique_ptr<const MappedFile> file_;
  std::map<std::string, Tensor> tensors_;
  std::set<std::string> read_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_BINARY_FILE_H_
