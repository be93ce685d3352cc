#ifndef PEREGRINE_ENGINE_FORMATS_RECOGNISE_H_
#define PEREGRINE_ENGINE_FORMATS_RECOGNISE_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// Opens a model directory of whatever format its files say it is of; the table
// of formats is in docs/formats.md. NOT_FOUND: no model that we know;
// UNIMPLEMENTED: one that we know and cannot run; INVALID_ARGUMENT: damaged.
// Errors name the file, the field or tensor, what was found and what was
// expected. Time and memory are bounded by the sizes of the files.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_RECOGNISE_H_
