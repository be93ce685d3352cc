#ifndef PEREGRINE_ENGINE_TEXT_CUT_POINT_H_
#define PEREGRINE_ENGINE_TEXT_CUT_POINT_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace peregrine::text {

// Where to cut a sentence that is too long, in bytes: behind the clause end
// nearest to its middle, if one is in the middle half; else at the white space
// nearest to the middle; else between two characters as readers see them
// (grapheme clusters). 0 if there is no such place. Never where `allowed` says
// no; `text` has no white space at either end.
std::size_t CutPoint(absl::string_view text,
                     absl::FunctionRef<bool(std::size_t)> allowed);
std::size_t CutPoint(absl::string_view text);

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_CUT_POINT_H_
