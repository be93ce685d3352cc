#ifndef PEREGRINE_ENGINE_FORMATS_FILES_YAML_H_
#define PEREGRINE_ENGINE_FORMATS_FILES_YAML_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/json_object.h"

namespace peregrine::formats {

// The YAML that Marian and its tools write, as JSON: mappings and sequences in
// blocks or in [brackets], plain and quoted scalars, comments; or JSON itself.
// Plain scalars are numbers, booleans or null where they are spelt so; keys are
// strings, and each stands once. Anchors, tags, block scalars, {braces} inside
// of blocks, and more than one document are errors.
//
// INVALID_ARGUMENT: anything else; the error names `path` and the line. Time
// and memory are linear in the text.
absl::StatusOr<Json> ParseYaml(absl::string_view text, const std::string& path);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_FILES_YAML_H_
