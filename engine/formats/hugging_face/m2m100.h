#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_M2M100_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_M2M100_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/base/json_object.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// M2M100ForConditionalGeneration of transformers, with either tokenizer:
// M2M100's (vocab.json and sentencepiece.bpe.model; SMaLL-100 has these, too)
// or NLLB's (tokenizer.json, or sentencepiece.bpe.model, or both, and no
// vocab.json); and MBartForConditionalGeneration with that of mBART-50.
// `config` is the content of config.json.
absl::StatusOr<Checkpoint> OpenHuggingFaceM2M100(const std::string& directory,
                                                 const Json& config);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_M2M100_H_
