#ifndef PEREGRINE_ENGINE_TEXT_NORMALIZER_H_
#define PEREGRINE_ENGINE_TEXT_NORMALIZER_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/text/charsmap.h"
#include "engine/text/trie.h"

namespace peregrine::text {

// U+2581, which stands for a space inside pieces.
inline constexpr absl::string_view kSpaceSymbol = "\xE2\x96\x81";
// U+FFFD, which stands for a byte that is not UTF-8.
inline constexpr absl::string_view kReplacementCharacter = "\xEF\xBF\xBD";

struct NormalizerOptions {
  bool add_dummy_prefix = false;          // a space before the text
  bool dummy_as_suffix = false;           // ... or rather after it
  bool remove_extra_whitespaces = false;  // at both ends, and repeated ones
  bool escape_whitespaces = false;        // spaces become kSpaceSymbol
};

// The form of a text that a vocabulary is made of: replacement rules applied,
// spaces tidied. Only U+0020 is a space; rules turn others into it. Immutable
// and thread-safe.
class Normalizer {
 public:
  // No rule applies at or inside a key of `protected_texts`.
  Normalizer(const NormalizerOptions& options, Charsmap charsmap,
             Trie protected_texts);

  // Always valid UTF-8. Cut off at 64 MiB.
  std::string Normalize(absl::string_view text) const;

  // Also fills `origins`: the byte of `text` that each byte of the result comes
  // from, and one more for its end. Empty if the result is, for empty `text`.
  std::string Normalize(absl::string_view text,
                        std::vector<std::int32_t>* origins) const;

 private:
  // What the first `length` bytes of a text become.
  struct Chunk {
    absl::string_view text;
    int length;
  };
  template <bool kWithOrigins>
  class Output;

  template <bool kWithOrigins>
  void Run(absl::string_view text, Output<kWithOrigins>* output) const;
  Chunk NextChunk(absl::string_view text) const;
  int LeadingSpaceBytes(absl::string_view text) const;
  // Of how many bytes NextChunk would return each as it is, none a space.
  int PlainWordLength(absl::string_view text) const;

  NormalizerOptions options_;
  Charsmap charsmap_;
  Trie protected_texts_;
  std::array<bool, 256> plain_ = {};  // see Charsmap::IsPlainAscii; no space
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_NORMALIZER_H_
