#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_T5_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_T5_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/base/json_object.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// T5 in all of its versions, mT5 and MADLAD-400 as Hugging Face's transformers
// saves them: config.json (its content is `config`), weights, and spiece.model.
// A vocabulary with pieces such as "<2de>" makes it MADLAD-400, whose requests
// name the target's language; others take what the text says ("translate
// English to German: ..."), for all of its sentences where config.json lists
// such tasks.
absl::StatusOr<Checkpoint> OpenHuggingFaceT5(const std::string& directory,
                                             const Json& config);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_T5_H_
