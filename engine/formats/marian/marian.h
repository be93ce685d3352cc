#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_MARIAN_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_MARIAN_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// Whether the directory has the files of a model of Marian: weights as .npz or
// in Marian's binary format, or the configuration of its decoder.
bool IsMarian(const std::string& directory);

// A model of type transformer of Marian, among them the students of Firefox
// Translations: weights with the settings inside or in a .yml beside them,
// vocabularies, the decoder's configuration if there is one. docs/formats.md
// says which files and settings.
absl::StatusOr<Checkpoint> OpenMarian(const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_MARIAN_H_
