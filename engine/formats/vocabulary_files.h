#ifndef PEREGRINE_ENGINE_FORMATS_VOCABULARY_FILES_H_
#define PEREGRINE_ENGINE_FORMATS_VOCABULARY_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace peregrine::formats {

// The spellings of a vocabulary by id, `vocab_size` of them. Errors name the
// file, what was found and what was expected.

// A JSON object from spellings to ids. Ids that it leaves out have the empty
// spelling.
absl::StatusOr<std::vector<std::string>> ReadVocabularyMap(
    const std::string& path, int vocab_size);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_VOCABULARY_FILES_H_
