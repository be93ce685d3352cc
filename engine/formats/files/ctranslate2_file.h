#ifndef PEREGRINE_ENGINE_FORMATS_FILES_CTRANSLATE2_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_CTRANSLATE2_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "engine/formats/files/byte_cursor.h"
#include "engine/formats/files/tensor_file.h"

namespace peregrine::formats {

// model.bin of CTranslate2, versions 2 to 6 of the file. Little-endian:
//
//   u32 version, string specification, u32 revision of the specification
//   u32 number of variables; of each: string name, u8 rank, u32 dimensions,
//     then from version 4 on u8 type and u32 bytes, before that u8 bytes of an
//     element and u32 elements; then the data
//   from version 3 on u32 number of aliases; of each: string, string variable
//
// where a string is a u16 length, with the NUL that ends it. A variable
// NAME_scale makes the integers of NAME numbers: each row is divided by its
// scale, or all by one. Mapped, not read. Not thread-safe.
class CTranslate2File final : public TensorFile {
 public:
  // Maps the file and checks all of its index.
  static absl::StatusOr<std::unique_ptr<CTranslate2File>> Open(
      const std::string& path);

  uint32_t version() const { return version_; }
  const std::string& specification() const { return specification_; }
  uint32_t revision() const { return revision_; }

  // A variable of one element, which is so used up; none if there is none or
  // it has more.
  absl::optional<double> Scalar(const std::string& name);

  // Whether there is such a variable, of integers.
  bool IsInteger(const std::string& name) const;

  // A variable of bytes that spell a text, likewise.
  absl::optional<std::string> Text(const std::string& name);

  // The name that the data of `name` stands under: aliases lead to it.
  std::string Resolve(const std::string& name) const override;

 private:
  using TensorFile::TensorFile;

  absl::Status Parse();
  absl::Status ParseVariable(ByteCursor& cursor);
  absl::Status ParseAlias(ByteCursor& cursor);
  bool IsPlain(const std::string& name,
               const StoredTensor& tensor) const override;
  absl::StatusOr<std::vector<float>> Values(
      const std::string& name, const StoredTensor& variable) override;
  absl::Status Descale(const std::string& name, const StoredTensor& variable,
                       std::vector<float>& values);

  uint32_t version_ = 0;
  std::string specification_;
  uint32_t revision_ = 0;
  std::map<std::string, std::string> aliases_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_CTRANSLATE2_FILE_H_
