#ifndef PEREGRINE_ENGINE_FORMATS_ARGOS_ARGOS_H_
#define PEREGRINE_ENGINE_FORMATS_ARGOS_ARGOS_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// A package of Argos Translate, unpacked: metadata.json (the languages), model/
// (a model of CTranslate2) and sentencepiece.model, which cuts text.
absl::StatusOr<Checkpoint> OpenArgos(const std::string& directory);

// Whether the directory is one.
bool IsArgos(const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_ARGOS_ARGOS_H_
