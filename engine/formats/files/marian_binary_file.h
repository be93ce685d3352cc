#ifndef PEREGRINE_ENGINE_FORMATS_FILES_MARIAN_BINARY_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_MARIAN_BINARY_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/formats/files/marian_file.h"

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

 private:
  struct Header {
    uint64_t name_bytes;
    uint64_t type;
    uint64_t dimensions;
    uint64_t data_bytes;
  };

  using MarianFile::MarianFile;

  absl::Status Parse();
  absl::Status CheckBytes(const std::string& name, uint64_t type,
                          const StoredTensor& tensor) const;
  bool IsPlain(const std::string& name,
               const StoredTensor& tensor) const override;
  absl::StatusOr<std::vector<float>> Values(
      const std::string& name, const StoredTensor& tensor) override;
  absl::StatusOr<std::vector<float>> Dequantized(
      const std::string& name, const StoredTensor& tensor) const;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_MARIAN_BINARY_FILE_H_
