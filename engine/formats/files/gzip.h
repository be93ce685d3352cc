#ifndef PEREGRINE_ENGINE_FORMATS_FILES_GZIP_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_GZIP_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
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

// Gives the `size` bytes that were compressed as in a ZIP archive (without a
// header) to `write`, some thousand at a time. INVALID_ARGUMENT: damaged, or
// more or fewer bytes; or the first error of `write`.
absl::Status Inflate(absl::string_view bytes, uint64_t size,
                     const std::string& path,
                     absl::FunctionRef<absl::Status(absl::string_view)> write);

// CRC-32 of bytes that follow others with the checksum `before` (first: 0).
uint32_t Crc32(uint32_t before, absl::string_view bytes);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_GZIP_H_
