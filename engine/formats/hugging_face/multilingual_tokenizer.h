#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_MULTILINGUAL_TOKENIZER_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_MULTILINGUAL_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/base/json_object.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/model/languages.h"
#include "engine/text/added_words.h"
#include "engine/text/sentencepiece.h"

namespace peregrine::formats {

// The tokenizers that come with M2M100's architecture.
struct MultilingualTokenizer {
  std::vector<std::string> pieces;  // by id, languages included; "": none
  std::shared_ptr<const text::SentencePieceModel> splitter;
  std::vector<model::Language> languages;  // by code
  std::vector<int32_t> special;            // ids without text
  std::vector<text::AddedWord> words;      // added after training
  // White space before one of these is a piece of its own.
  bool space_is_piece = false;
  // "" where nothing says so.
  std::string source_language;
  std::string target_language;
  // The source is followed by eos and its language, instead of beginning with
  // the language.
  bool language_is_suffix = false;
};

// `settings` is the content of tokenizer_config.json. Ids are below
// `vocab_size`, the number of embeddings that the model has.

// M2M100: vocab.json and sentencepiece.bpe.model. The languages follow the
// vocabulary, as transformers has them: no file lists them.
absl::StatusOr<MultilingualTokenizer> LoadM2M100Tokenizer(
    const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size);

// mBART-50: sentencepiece.bpe.model, whose ids the model has one higher. The
// languages, spelt like "en_XX", are added tokens, or else follow the
// vocabulary.
absl::StatusOr<MultilingualTokenizer> LoadMBart50Tokenizer(
    const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size);

// NLLB: sentencepiece.bpe.model, whose ids the model has one higher, or else
// tokenizer.json; the languages are those of the added tokens of either
// tokenizer.json or tokenizer_config.json that are spelt like "eng_Latn".
absl::StatusOr<MultilingualTokenizer> LoadNllbTokenizer(
    const HuggingFaceDirectory& directory, const Json& settings,
    int vocab_size);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_MULTILINGUAL_TOKENIZER_H_
