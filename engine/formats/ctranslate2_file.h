#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "engine/base/file.h"
#include "engine/formats/byte_cursor.h"
#include "engine/model/tensor_source.h"

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
class CTranslate2File final : public model::TensorSource {
 public:
  // Maps the file and checks all of its index.
  static absl::StatusOr<std::unique_ptr<CTranslate2File>> Open(
      const std::string& path);

  uint32_t version() const { return version_; }
  const std::string& specification() const { return specification_; }
  uint32_t revision() const { return revision_; }

  const std::string& path() const override { return file_->path(); }
  bool Has(const std::string& name) const override;
  absl::StatusOr<std::vector<float>> Read(
      const std::string& name, absl::Span<const int64_t> shape) override;
  std::vector<std::string> Unread() const override;

  // Shape of a variable, none if there is none.
  absl::optional<std::vector<int64_t>> Shape(const std::string& name) const;

  // A variable of one element, which is so used up; none if there is none or
  // it has more.
  absl::optional<double> Scalar(const std::string& name);

  // Whether there is such a variable, of integers.
  bool IsInteger(const std::string& name) const;

  // A variable of bytes that spell a text, likewise.
  absl::optional<std::string> Text(const std::string& name);

  // The name that the data of `name` stands under: aliases lead to it.
  std::string Resolve(const std::string& name) const;

 private:
  enum class Type { kFloat32, kInt8, kInt16, kInt32, kFloat16, kBFloat16 };
  struct Variable {
    Type type;
    std::vector<int64_t> shape;
    absl::string_view bytes;
  };

  explicit CTranslate2File(std::unique_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  absl::Status Parse();
  absl::Status ParseVariable(ByteCursor& cursor);
  absl::Status ParseAlias(ByteCursor& cursor);
  absl::Status Error(absl::string_view message) const;
  const Variable* Find(const std::string& name) const;
  static std::vector<float> ToFloats(const Variable& variable);
  absl::Status Descale(const std::string& name, const Variable& variable,
                       std::vector<float>& values);

  const std::unique_ptr<const MappedFile> file_;
  uint32_t version_ = 0;
  std::string specification_;
  uint32_t revision_ = 0;
  std::map<std::string, Variable> variables_;
  std::map<std::string, std::string> aliases_;
  std::set<std::string> read_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_FILE_H_
