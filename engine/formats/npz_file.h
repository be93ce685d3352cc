#ifndef PEREGRINE_ENGINE_FORMATS_NPZ_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_NPZ_FILE_H_

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

// NumPy's .npz, as Marian and numpy.savez write it: a ZIP archive in which the
// tensor NAME is the file NAME.npy, stored and not compressed, at most 4 GiB in
// all. The arrays may be of float64, float32, float16 or int8, little-endian,
// row-major. Mapped, not read. Not thread-safe.
class NpzFile final : public MarianFile {
 public:
  // Maps the file and checks the archive's directory and every array's header.
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
  struct Array {
    std::string type;  // NumPy's: "<f4"
    std::vector<int64_t> shape;
    absl::string_view bytes;
  };

  explicit NpzFile(std::unique_ptr<const MappedFile> file)
      : file_(std::move(file)) {}

  absl::Status Parse();
  absl::Status ParseEntry(absl::string_view& directory);
  absl::Status AddArray(const std::string& name, absl::string_view npy);
  absl::Status Error(absl::string_view message) const;

  const std::unique_ptr<const MappedFile> file_;
  std::map<std::string, Array> arrays_;
  std::set<std::string> read_;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_NPZ_FILE_H_
