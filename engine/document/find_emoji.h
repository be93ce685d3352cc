#ifndef PEREGRINE_ENGINE_DOCUMENT_FIND_EMOJI_H_
#define PEREGRINE_ENGINE_DOCUMENT_FIND_EMOJI_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/span.h"

namespace peregrine::document {

// Appends emoji and other pictures with their modifiers, a run of them as one;
// and faces of ASCII that stand alone: ":-)".
void FindEmoji(absl::string_view text, std::vector<Span>* spans);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_FIND_EMOJI_H_
