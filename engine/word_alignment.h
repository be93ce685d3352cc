#ifndef PEREGRINE_ENGINE_WORD_ALIGNMENT_H_
#define PEREGRINE_ENGINE_WORD_ALIGNMENT_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/document/document.h"
#include "engine/document/units.h"
#include "engine/translation_model.h"

namespace peregrine {

// A sentence as the model was given it.
struct EncodedSource {
  absl::string_view text;  // without the code
  absl::Span<const int32_t> tokens;
  bool has_code = false;  // the first token is one, see Tokenizer::LanguageCode
};

// The alignment of a hypothesis in bytes of both texts; `target` is what its
// tokens say. Unknown where the hypothesis has none.
document::TokenAlignment AlignTokens(const TranslationModel& model,
                                     const EncodedSource& source,
                                     absl::string_view target,
                                     const decode::Hypothesis& hypothesis);

// Words (document::Units) of a source and a translation that are one sentence
// each, in bytes of these texts.
struct AlignedWords {
  std::vector<document::ByteRange> source_words;
  std::vector<document::TranslatedWord> words;
};

// `tokens` are those of `source`, at the begin of which may be a code and white
// space. `hypothesis` has the tokens of `target`.
AlignedWords AlignWords(const TranslationModel& model, absl::string_view source,
                        absl::Span<const int32_t> tokens,
                        absl::string_view target,
                        const decode::Hypothesis& hypothesis);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_WORD_ALIGNMENT_H_
