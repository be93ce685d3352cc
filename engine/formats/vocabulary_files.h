#ifndef PEREGRINE_ENGINE_FORMATS_VOCABULARY_FILES_H_
#define PEREGRINE_ENGINE_FORMATS_VOCABULARY_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/json_object.h"

namespace peregrine::formats {

// The spellings of a vocabulary by id. Errors name the file, what was found and
// what was expected.

// A JSON object, or in a path that ends in .yml or .yaml a mapping of YAML,
// from spellings to `vocab_size` ids. Those that it leaves out
// have the empty spelling.
absl::StatusOr<std::vector<std::string>> ReadVocabularyMap(
    const std::string& path, int vocab_size);

// The same of a map that is part of a file; `path` names both in errors.
absl::StatusOr<std::vector<std::string>> ParseVocabularyMap(
    const Json& json, const std::string& path, int vocab_size);

// A JSON array of spellings (a path that ends in .json), or one a line.
absl::StatusOr<std::vector<std::string>> ReadVocabularyList(
    const std::string& path);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_VOCABULARY_FILES_H_
