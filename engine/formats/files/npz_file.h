#ifndef PEREGRINE_ENGINE_FORMATS_FILES_NPZ_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_NPZ_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/formats/files/marian_file.h"

namespace peregrine::formats {

// NumPy's .npz, as Marian and numpy.savez write it: a ZIP archive in which the
// tensor NAME is the file NAME.npy, stored and not compressed. The arrays may
// be of float64, float32, float16 or int8, little-endian, row-major. Mapped,
// not read. Not thread-safe.
class NpzFile final : public MarianFile {
 public:
  // Maps the file and checks the archive's directory and every array's header.
  static absl::StatusOr<std::unique_ptr<MarianFile>> Open(
      const std::string& path);

 private:
  using MarianFile::MarianFile;

  absl::Status Parse();
  absl::Status AddArray(const std::string& name, absl::string_view npy);
  absl::StatusOr<std::vector<float>> Values(
      const std::string& name, const StoredTensor& tensor) override;
};

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_NPZ_FILE_H_
