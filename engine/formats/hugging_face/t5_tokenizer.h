#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_T5_TOKENIZER_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_T5_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/formats/hugging_face/directory.h"
#include "engine/model/config.h"
#include "engine/model/languages.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/tokenizer.h"

namespace peregrine::formats {

// The tokenizer of T5, of spiece.model or, without it, of tokenizer.json: its
// pieces, then the places where text was left out in training ("<extra_id_0>"
// is the last).
struct T5Tokenizer {
  std::shared_ptr<const text::Tokenizer> tokenizer;
  // MADLAD-400: by code, with the tokens "<2de>" and so on; else empty.
  std::vector<model::Language> languages;
  // What stands before the token of a language: as SentencePiece cuts a text
  // that begins with one.
  std::vector<int32_t> before_language;
};

// The languages of MADLAD-400, by code: those whose pieces are spelt like
// "<2de>". None: it is another model.
std::vector<model::Language> MadladLanguages(
    const std::vector<std::string>& pieces);

// What SentencePiece puts before the token of a language at the start of a
// text, as it cuts it. INVALID_ARGUMENT: it makes no token of `language`; the
// error names `path`.
absl::StatusOr<std::vector<std::string>> PiecesBeforeLanguage(
    const text::SentencePieceModel& model, const std::string& language,
    const std::string& path);

// `tokens` says which ids are special; `vocab_size` is the number of embeddings
// that the model has.
absl::StatusOr<T5Tokenizer> LoadT5Tokenizer(
    const HuggingFaceDirectory& directory, int vocab_size,
    model::TokenConfig& tokens);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_T5_TOKENIZER_H_
