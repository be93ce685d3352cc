#ifndef PEREGRINE_SERVER_BACKEND_MODEL_FILES_H_
#define PEREGRINE_SERVER_BACKEND_MODEL_FILES_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace peregrine::server {

// The files of a model, whatever its format: those in its directory and in the
// folders there, or the one file that it is.
struct ModelFiles {
  int64_t bytes = 0;
  // 16 hexadecimal digits of the SHA-256 over the names and contents of all.
  std::string revision;
};

// INVALID_ARGUMENT: one is neither a regular file nor a folder, so that opening
// it might take for ever. NOT_FOUND: there is nothing at the path. Opens none.
absl::Status CheckModelFiles(const std::string& path);

// Reads all of them.
absl::StatusOr<ModelFiles> DigestModelFiles(const std::string& path);

// The sum of their sizes, without reading them; 0 where that cannot be told.
int64_t SizeOfModelFiles(const std::string& path);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_BACKEND_MODEL_FILES_H_
