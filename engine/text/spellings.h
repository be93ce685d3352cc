#ifndef PEREGRINE_ENGINE_TEXT_SPELLINGS_H_
#define PEREGRINE_ENGINE_TEXT_SPELLINGS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/text/tokenizer.h"

namespace peregrine::text {

// Ways to write `text` in tokens: Encode's first, then others that decode to
// the same, those of few tokens first; at most `max_spellings`. A model whose
// best way to write a word is forbidden takes one of these. Only Encode's where
// the vocabulary spells byte by byte, or the text is long.
std::vector<std::vector<int32_t>> Spellings(const Tokenizer& tokenizer,
                                            absl::string_view text,
                                            size_t max_spellings);

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_SPELLINGS_H_
