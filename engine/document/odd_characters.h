#ifndef PEREGRINE_ENGINE_DOCUMENT_ODD_CHARACTERS_H_
#define PEREGRINE_ENGINE_DOCUMENT_ODD_CHARACTERS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/span.h"

namespace peregrine::document {

// Signs and styled letters that normalisers write by other characters: "™" as
// "TM", "℃" as "°C", "𝐛" as "b". Not ligatures, wide letters and the like,
// which are text in another form, and not numbers.
bool IsOddForm(int32_t code_point);

// Runs of characters of such forms that `keeps` says are not kept.
std::vector<ByteRange> FindOddForms(
    absl::string_view text,
    const std::function<bool(absl::string_view character)>& keeps);

// Small raised digits that are no part of a unit or a formula but point to a
// note: "word²".
std::vector<ByteRange> FindNoteMarks(absl::string_view text);

// Characters that are not seen and are neither white space nor a part of what
// stands beside them: U+200B, U+FEFF, U+2060 and marks of direction.
bool IsInvisible(int32_t code_point);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_ODD_CHARACTERS_H_
