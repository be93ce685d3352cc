#ifndef PEREGRINE_ENGINE_FORMATS_PEREGRINE_SHORTLIST_FILE_H_
#define PEREGRINE_ENGINE_FORMATS_PEREGRINE_SHORTLIST_FILE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/model/shortlist.h"

namespace peregrine::formats {

// Reads a file as docs/model-format.md specifies it. INVALID_ARGUMENT: damaged,
// or for vocabularies of other sizes; errors name the path.
absl::StatusOr<std::unique_ptr<const model::Shortlist>> ReadShortlist(
    const std::string& path, int source_vocab_size, int target_vocab_size);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_PEREGRINE_SHORTLIST_FILE_H_
