#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_CTRANSLATE2_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_CTRANSLATE2_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/formats/checkpoint.h"

namespace peregrine::formats {

// An encoder-decoder model of CTranslate2: model.bin, the vocabularies
// (shared_vocabulary or source_vocabulary and target_vocabulary, .json or
// .txt) and, from version 6 of the file on, config.json. Where the files of a
// tokenizer stand beside them (source.spm and target.spm, sentencepiece.model,
// tokenizer.json), text is cut by these; else tokens are what spaces separate,
// and text is refused where the pieces are SentencePiece's.
absl::StatusOr<Checkpoint> OpenCTranslate2(const std::string& directory);

// The same with the files of the tokenizer in another directory.
absl::StatusOr<Checkpoint> OpenCTranslate2(
    const std::string& directory, const std::string& tokenizer_directory);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_CTRANSLATE2_H_
