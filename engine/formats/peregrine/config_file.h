#ifndef PEREGRINE_ENGINE_FORMATS_PEREGRINE_CONFIG_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_PEREGRINE_CONFIG_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/model/config.h"

namespace peregrine::formats {

// Parses and checks the text of a config.json. `path` is named in errors, with
// the field, what was found and what is allowed (INVALID_ARGUMENT). `markers`,
// if not null, is set to those that it names.
absl::StatusOr<model::ModelConfig> ParseConfig(
    absl::string_view json, const std::string& path,
    std::vector<std::string>* markers = nullptr);

// Reads the file; NOT_FOUND if there is none.
absl::StatusOr<model::ModelConfig> ReadConfig(
    const std::string& path, std::vector<std::string>* markers = nullptr);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_PEREGRINE_CONFIG_FILE_H_
