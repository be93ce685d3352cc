#ifndef PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_LANGUAGES_H_
#define PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_LANGUAGES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/model/languages.h"

namespace peregrine::formats {

// What the files of a tokenizer beside model.bin say about languages.
struct CTranslate2Languages {
  // Of a multilingual model, by code; their tokens stand before sources and are
  // the first of translations.
  std::vector<model::Language> languages;
  // The defaults; of a model of one pair, its languages; "": nothing says so.
  std::string source;
  std::string target;
  // The token of the source's language stands behind the end symbol instead.
  bool is_suffix = false;
  std::string tokenizer_class;  // "": nothing says so
};

// The languages are the tokens of tokenizer_config.json,
// special_tokens_map.json or tokenizer.json that could be some ("eng_Latn",
// "__en__") and that are of the vocabulary, else those of the vocabulary.
// `pieces` are the spellings of the vocabulary by id. INVALID_ARGUMENT: a file
// that is damaged.
absl::StatusOr<CTranslate2Languages> ReadCTranslate2Languages(
    const std::string& directory, const std::vector<std::string>& pieces);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_CTRANSLATE2_LANGUAGES_H_
