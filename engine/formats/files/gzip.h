#ifndef PEREGRINE_ENGINE_FORMATS_FILES_GZIP_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_GZIP_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::formats {

// Whether the bytes begin as what gzip has compressed.
bool IsGzip(absl::string_view bytes);

// What gzip has compressed, checked against its checksum. INVALID_ARGUMENT:
// damaged, cut off, or more than max_bytes; the error names `path`. Memory is
// taken as it is needed.
absl::StatusOr<std::string> Gunzip(absl::string_view bytes, size_t max_bytes,
                                   const std::string& path);

// Writes exactly `size` bytes that were compressed as in a ZIP archive (without
// a header) to `output`. INVALID_ARGUMENT: damaged, or more or fewer bytes.
absl::Status Inflate(absl::string_view bytes, char* output, size_t size,
                     const std::string& path);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_GZIP_H_
