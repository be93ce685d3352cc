#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_TOKENS_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_TOKENS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/formats/ctranslate2/architecture.h"
#include "engine/formats/files/ctranslate2_file.h"
#include "engine/model/config.h"
#include "engine/model/languages.h"
#include "engine/text/tokenizer.h"

namespace peregrine::formats {

// The vocabularies of a model, what is added to its sources, and how text is
// cut into its tokens.
struct CTranslate2Tokens {
  model::TokenConfig config;
  // Of a multilingual model; the defaults are codes of it, or "".
  std::vector<model::Language> languages;
  std::string source_language;
  std::string target_language;
  std::shared_ptr<const text::Tokenizer> source;
  std::shared_ptr<const text::Tokenizer> target;
  std::string text_refusal;  // see Checkpoint
};

// `directory` has the vocabularies, `tokenizer_directory` what cuts text:
// source.spm and target.spm, or a model for both, or tokenizer.json.
absl::StatusOr<CTranslate2Tokens> ReadCTranslate2Tokens(
    const std::string& directory, const std::string& tokenizer_directory,
    CTranslate2File& file, const CTranslate2Architecture& architecture);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_TOKENS_H_
