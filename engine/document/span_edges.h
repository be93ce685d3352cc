#ifndef PEREGRINE_ENGINE_DOCUMENT_SPAN_EDGES_H_
#define PEREGRINE_ENGINE_DOCUMENT_SPAN_EDGES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "engine/document/span.h"

namespace peregrine::document {

// A letter, a digit, a mark on one, or "_".
bool IsWordCharacter(int32_t code_point);

// To the ends of the word that `range` is a part of. Of scripts without spaces
// between words nothing is taken.
void WidenToWord(absl::string_view text, ByteRange* range);

// To the ends of the word that the span is a part of, over what is glued to it,
// and over brackets and quotation marks that hold nothing else.
void Widen(absl::string_view text, Span* span);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_SPAN_EDGES_H_
