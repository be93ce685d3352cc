#ifndef PEREGRINE_ENGINE_DOCUMENT_CAPITALS_H_
#define PEREGRINE_ENGINE_DOCUMENT_CAPITALS_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace peregrine::document {

// How a sentence is written. Models know the usual way best: others are shown
// to them in it, and restored in the translation.
enum class Capitals { kAsTheyAre, kAll, kTitle };

// kAll: no small letter, and more than an abbreviation. kTitle: four words or
// more, all long ones with a capital; not in languages whose nouns have one.
Capitals CapitalsOf(absl::string_view sentence, absl::string_view language);

// How many pieces a model's vocabulary spells a word in; empty: not known.
using CountPieces = std::function<size_t(absl::string_view)>;

// In small letters but for the first; for words that are abbreviations by their
// looks (digits in them, or no vowel); and for those that the vocabulary spells
// in fewer pieces with capitals: names. As many bytes as `sentence`.
std::string AsSentence(absl::string_view sentence, Capitals capitals,
                       absl::string_view language,
                       const CountPieces& count_pieces = {});

// `word` of a translation as `capitals` want it, by the rules of its language.
std::string Restore(absl::string_view word, Capitals capitals,
                    absl::string_view language);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_CAPITALS_H_
