#ifndef PEREGRINE_ENGINE_FORMATS_ARGOS_PACKAGE_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_ARGOS_PACKAGE_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// Whether `path` is a file that is called like a package of Argos Translate as
// it is downloaded.
bool IsArgosFile(const std::string& path);

// A package of Argos Translate as it is downloaded: a ZIP archive of one folder
// with what OpenArgos reads. These files, and no others, are unpacked into a
// temporary directory, which is gone when the checkpoint is open. Memory does
// not grow with the archive. INVALID_ARGUMENT: damaged; names that lead out of
// the folder; or files that are more than 16 times as large as the archive.
absl::StatusOr<Checkpoint> OpenArgosFile(const std::string& path);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_ARGOS_PACKAGE_FILE_H_
