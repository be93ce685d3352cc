#include "engine/formats/marian_file.h"

#include "absl/strings/match.h"
#include "engine/base/status_macros.h"
#include "engine/formats/marian_binary_file.h"
#include "engine/formats/npz_file.h"

namespace peregrine::formats {

absl::StatusOr<std::unique_ptr<MarianFile>> MarianFile::Open(
    const std::string& path) {
  if (absl::EndsWith(path, ".npz")) return NpzFile::Open(path);
  return MarianBinaryFile::Open(path);
}

}  // namespace peregrine::formats
