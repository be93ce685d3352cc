#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_CTRANSLATE2_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_CTRANSLATE2_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// An encoder-decoder model of CTranslate2: model.bin, the vocabularies
// (shared_vocabulary or source_vocabulary and target_vocabulary, .json or
// .txt) and, from version 6 of the file on, config.json. Where SentencePiece
// models stand beside them (source.spm and target.spm, or sentencepiece.model),
// text is cut by these; else tokens are what spaces separate.
absl::StatusOr<Checkpoint> OpenCTranslate2(const std::string& directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_CTRANSLATE2_H_
