#ifndef PEREGRINE_ENGINE_FORMATS_MARIAN_VOCABULARY_H_
#define PEREGRINE_ENGINE_FORMATS_MARIAN_VOCABULARY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "engine/text/tokenizer.h"

namespace peregrine::formats {

// Files with which texts were cut before Marian saw them, as OPUS models have
// them; either may be missing.
struct MarianSplitters {
  std::string sentencepiece_path;
  std::string bpe_path;  // codes of subword-nmt
};

// A vocabulary of one side.
struct MarianVocabulary {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  int32_t eos = -1;
  std::string text_refusal;  // see Checkpoint
};

// A .spm, which cuts texts itself; else pieces with ids (.yml, .yaml, .json) or
// in their order, one a line (any other ending, as .txt, .vocab or .lst), to
// which the splitters belong. It has at most `num_rows` pieces. Errors name the
// file, found and expected.
absl::StatusOr<MarianVocabulary> LoadMarianVocabulary(
    const std::string& path, const MarianSplitters& splitters, int num_rows);

// How many ids a vocabulary has up to its last piece; a model may have more
// rows.
int NumPieces(const text::Tokenizer& vocabulary);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_MARIAN_VOCABULARY_H_
