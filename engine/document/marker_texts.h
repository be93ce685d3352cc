#ifndef PEREGRINE_ENGINE_DOCUMENT_MARKER_TEXTS_H_
#define PEREGRINE_ENGINE_DOCUMENT_MARKER_TEXTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/span.h"

namespace peregrine::document {

// The text of a marker is no marker: where `text` has it, in any case (capitals
// may change), it becomes a span, as the word that it stands in. `spans` are in
// order and stay so.
void AddMarkerTexts(absl::string_view text,
                    absl::Span<const std::string> markers,
                    std::vector<Span>* spans);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_MARKER_TEXTS_H_
