#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_MARIAN_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_MARIAN_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/base/json_object.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// MarianMTModel of transformers, which the OPUS-MT models are published as:
// config.json (its content is `config`), model.safetensors, source.spm,
// target.spm, vocab.json (and target_vocab.json where the vocabularies are
// apart), generation_config.json, tokenizer_config.json.
absl::StatusOr<Checkpoint> OpenHuggingFaceMarian(const std::string& directory,
                                                 const Json& config);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_MARIAN_H_
