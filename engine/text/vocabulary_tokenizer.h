#ifndef PEREGRINE_ENGINE_TEXT_VOCABULARY_TOKENIZER_H_
#define PEREGRINE_ENGINE_TEXT_VOCABULARY_TOKENIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "engine/text/added_words.h"
#include "engine/text/sentencepiece.h"
#include "engine/text/tokenizer.h"
#include "engine/text/vocabulary.h"

namespace peregrine::text {

// A vocabulary that has ids of its own, as most toolkits around SentencePiece
// keep one: the SentencePiece model cuts and joins the text, and its ids play
// no part. Without such a model, tokens are what spaces separate. Immutable
// and thread-safe.
class VocabularyTokenizer final : public Tokenizer {
 public:
  // Words that were added to the vocabulary, and whether white space before one
  // is a piece of its own, as it is for the `tokenizers` library.
  struct Added {
    AddedWords words{{}};
    bool space_is_piece = false;
  };

  // `splitter` may be null.
  VocabularyTokenizer(std::shared_ptr<const Vocabulary> vocabulary,
                      std::shared_ptr<const SentencePieceModel> splitter)
      : VocabularyTokenizer(std::move(vocabulary), std::move(splitter),
                            Added()) {}
  VocabularyTokenizer(std::shared_ptr<const Vocabulary> vocabulary,
                      std::shared_ptr<const SentencePieceModel> splitter,
                      Added added)
      : vocabulary_(std::move(vocabulary)),
        splitter_(std::move(splitter)),
        added_(std::move(added)) {}

  std::vector<int32_t> Encode(absl::string_view text) const override;

  // Without white space at either end.
  std::string Decode(absl::Span<const int32_t> ids) const override;

  // ">>xyz<<" at the start of the text, where the vocabulary has it.
  absl::string_view LanguageCode(absl::string_view text) const override;

  int vocab_size() const override { return vocabulary_->size(); }
  int32_t unk_id() const override { return vocabulary_->unk_id(); }
  absl::string_view piece(int32_t id) const override {
    return vocabulary_->piece(id);
  }
  absl::optional<int32_t> id(absl::string_view piece) const override {
    return vocabulary_->id(piece);
  }

 private:
  // Appends the tokens of text without added words.
  void EncodeSegment(absl::string_view text, std::vector<int32_t>& ids) const;

  const std::shared_ptr<const Vocabulary> vocabulary_;
  const std::shared_ptr<const SentencePieceModel> splitter_;
  const Added added_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_VOCABULARY_TOKENIZER_H_
