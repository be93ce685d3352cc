#ifndef PEREGRINE_ENGINE_TEXT_OPEN_PREFIX_H_
#define PEREGRINE_ENGINE_TEXT_OPEN_PREFIX_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/text/tokenizer.h"

namespace peregrine::text {

// The beginning of a text whose last word may go on: "the hou" is that of "the
// house", whose tokens begin differently.
struct OpenPrefix {
  std::vector<int32_t> tokens;  // those in front of the last word
  // How the last word may go on, as decode::Steering has it: each place is a
  // byte of it.
  std::vector<std::vector<int32_t>> completion;
};

// Of `text`, which is `tokens`. All of these, and no completion, where it does
// not end with a letter, or the vocabulary does not mark where words begin.
OpenPrefix OpenLastWord(const Tokenizer& tokenizer, absl::string_view text,
                        absl::Span<const int32_t> tokens);

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_OPEN_PREFIX_H_
