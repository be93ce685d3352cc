#ifndef PEREGRINE_ENGINE_BASE_FILE_H_
#define PEREGRINE_ENGINE_BASE_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine {

// All of a regular file. NOT_FOUND: no such file, `expected` says what it would
// have been ("the config.json of a model"); PERMISSION_DENIED;
// INVALID_ARGUMENT: longer than max_bytes, or not a regular file; UNAVAILABLE:
// it ends before its size. Errors name the path. FAILED_PRECONDITION: it is a
// pointer of Git LFS, which stands for the file until that is fetched.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes,
                                     absl::string_view expected);

// Whether there is something of this name, a file or a directory.
bool FileExists(const std::string& path);

// A regular file in memory, read-only, page by page as it is touched.
class MappedFile {
 public:
  // NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (not a regular file),
  // FAILED_PRECONDITION (a pointer of Git LFS) or RESOURCE_EXHAUSTED; errors
  // name the path.
  static absl::StatusOr<std::unique_ptr<const MappedFile>> Open(
      const std::string& path);
  ~MappedFile();

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::string& path() const { return path_; }
  absl::string_view bytes() const { return bytes_; }

  // Copies `part`, which may be a part of bytes() or anything else: of bytes()
  // without touching its pages, so that they take no memory. By any thread.
  // UNAVAILABLE: the file has become shorter, or cannot be read.
  absl::Status Copy(absl::string_view part, void* to) const;

  // Gives the pages of `part` of bytes() back; they come again when touched.
  void Forget(absl::string_view part) const;

 private:
  MappedFile(std::string path, int descriptor, absl::string_view bytes)
      : path_(std::move(path)), descriptor_(descriptor), bytes_(bytes) {}

  bool Has(absl::string_view part) const;

  const std::string path_;
  const int descriptor_;
  const absl::string_view bytes_;
};

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_FILE_H_
