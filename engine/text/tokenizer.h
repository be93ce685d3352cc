#ifndef PEREGRINE_ENGINE_TEXT_TOKENIZER_H_
#define PEREGRINE_ENGINE_TEXT_TOKENIZER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace peregrine::text {

// Turns text into the token ids of one vocabulary and back. A model holds two:
// the source side's and the target side's, which may be the same object.
// Immutable and thread-safe. Special tokens are the model's business (its
// config.json says what to append): Encode adds none, whatever the text says.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Total: any bytes are accepted, and what is not UTF-8 becomes U+FFFD. Every
  // id is in [0, vocab_size()); what the vocabulary lacks is unk_id().
  virtual std::vector<int32_t> Encode(absl::string_view text) const = 0;

  // Total: an id outside the vocabulary reads as unk_id(); control tokens such
  // as eos leave no text. The result is valid UTF-8.
  virtual std::string Decode(absl::Span<const int32_t> ids) const = 0;

  // The start of `text` by which its author names the language to translate to
  // (">>fra<<" of the multilingual OPUS-MT models), or nothing. Encode makes
  // one token of it; of a text cut into sentences each needs it.
  virtual absl::string_view LanguageCode(absl::string_view) const { return ""; }

  virtual int vocab_size() const = 0;
  virtual int32_t unk_id() const = 0;

  // How the vocabulary spells `id`, which must be in [0, vocab_size()), and
  // the reverse; none if it has no such piece.
  virtual absl::string_view piece(int32_t id) const = 0;
  virtual absl::optional<int32_t> id(absl::string_view piece) const = 0;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_TOKENIZER_H_
