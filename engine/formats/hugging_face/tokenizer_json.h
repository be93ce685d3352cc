#ifndef PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TOKENIZER_JSON_H_
#define PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TOKENIZER_JSON_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/json_object.h"
#include "engine/text/added_words.h"
#include "engine/text/sentencepiece.h"

namespace peregrine::formats {

// A token beside the pieces of text: a special one, a language, or a word that
// was added after training.
struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool special = true;
  // Of the text around it, as text::AddedWord has them.
  bool single_word = false;
  bool takes_left = false;
  bool takes_right = false;

  // Takes what a description in JSON says of the last four.
  void ReadFlags(const Json& description);

  text::AddedWord Word() const {
    return {content, id, single_word, takes_left, takes_right};
  }
};

// tokenizer.json, as the `tokenizers` library writes it, of a tokenizer that
// was made of a SentencePiece model, BPE or unigram: such a file holds all of
// that model.
struct TokenizerJson {
  std::vector<std::string> pieces;  // by id; "": none
  std::vector<AddedToken> added_tokens;
  int32_t unk = -1;  // of a unigram model
  // Cuts and joins text; its ids have no meaning.
  std::shared_ptr<const text::SentencePieceModel> splitter;
};

// UNIMPLEMENTED: a tokenizer that SentencePiece would not make;
// INVALID_ARGUMENT otherwise. Errors name `path`, the field, what was found and
// what was expected. Ids are below `vocab_size`.
absl::StatusOr<TokenizerJson> ParseTokenizerJson(const Json& json,
                                                 const std::string& path,
                                                 int vocab_size);

// added_tokens alone.
absl::StatusOr<std::vector<AddedToken>> ParseAddedTokens(
    const Json& json, const std::string& path, int vocab_size);

// added_tokens_decoder of tokenizer_config.json: from ids to tokens.
absl::StatusOr<std::vector<AddedToken>> ParseAddedTokensDecoder(
    const Json& settings, const std::string& path, int vocab_size);

// The file's content as JSON.
absl::StatusOr<Json> ReadTokenizerJson(const std::string& path);

}  // namespace peregrine::formats

#endif  // PEREGRINE_ENGINE_FORMATS_HUGGING_FACE_TOKENIZER_JSON_H_
