#ifndef PEREGRINE_ENGINE_DOCUMENT_SPELLED_NUMBERS_H_
#define PEREGRINE_ENGINE_DOCUMENT_SPELLED_NUMBERS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace peregrine::document {

// The values of the number words of `text`, as digits: of "twenty-five" that is
// "25", of "third" it is "3". Up to 100, and 1000; none in languages that ICU
// cannot spell out. Thread-safe.
std::vector<std::string> SpelledNumbers(absl::string_view text,
                                        absl::string_view language);

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_SPELLED_NUMBERS_H_
