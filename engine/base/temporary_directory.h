#ifndef PEREGRINE_ENGINE_BASE_TEMPORARY_DIRECTORY_H_
#define PEREGRINE_ENGINE_BASE_TEMPORARY_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace peregrine {

// A directory that only this user can read, in $TMPDIR or /tmp. It is removed
// with all that is in it when the object goes; files that are mapped stay
// readable.
class TemporaryDirectory {
 public:
  // FAILED_PRECONDITION: none can be made, and why.
  static absl::StatusOr<std::unique_ptr<TemporaryDirectory>> Create();
  ~TemporaryDirectory();

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}

  const std::string path_;
};

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_TEMPORARY_DIRECTORY_H_
