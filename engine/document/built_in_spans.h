#ifndef PEREGRINE_ENGINE_DOCUMENT_BUILT_IN_SPANS_H_
#define PEREGRINE_ENGINE_DOCUMENT_BUILT_IN_SPANS_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/document/span.h"

namespace peregrine::document {

// Appends the addresses, paths, placeholders, code and the like of `kinds`, by
// patterns of their own, none overlapping another.
void FindBuiltIn(absl::string_view text, SpanKinds kinds,
                 std::vector<Span>* spans);

// Whether a capital stands behind a small letter, as in "getName".
bool HasHump(absl::string_view text);

// The bytes of the placeholder in braces at the start of `text`, with the sign
// in front of them: "{x}", "${a + b}", "{{ x.y }}", "{n, plural, one {a} other
// {b}}", "{% if x %}". 0: there is none, or what is in the braces is text.
size_t BracedPlaceholderSize(absl::string_view text);

// Whether a placeholder stands for the end of a line: "\n", spelled so.
bool IsLineBreakPlaceholder(absl::string_view placeholder);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_BUILT_IN_SPANS_H_
