#ifndef PEREGRINE_ENGINE_FORMATS_PEREGRINE_DIRECTORY_H_
#define PEREGRINE_ENGINE_FORMATS_PEREGRINE_DIRECTORY_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// Peregrine's own format: docs/model-format.md.
absl::StatusOr<Checkpoint> OpenPeregrineDirectory(const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_PEREGRINE_DIRECTORY_H_
