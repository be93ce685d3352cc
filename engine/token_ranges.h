#ifndef PEREGRINE_ENGINE_TOKEN_RANGES_H_
#define PEREGRINE_ENGINE_TOKEN_RANGES_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/span.h"
#include "engine/text/tokenizer.h"

namespace peregrine {

// The bytes of `text` that each of its tokens stands for, in order; those of a
// token that leaves no text are empty. Found by decoding, so that it works with
// any tokenizer; where normalisation changed the text, word by word.
std::vector<document::ByteRange> TokenRanges(const text::Tokenizer& tokenizer,
                                             absl::string_view text,
                                             absl::Span<const int32_t> tokens);

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_TOKEN_RANGES_H_
