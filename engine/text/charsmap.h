#ifndef PEREGRINE_ENGINE_TEXT_CHARSMAP_H_
#define PEREGRINE_ENGINE_TEXT_CHARSMAP_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::text {

// The replacement rules of a SentencePiece model, such as those of NFKC: a map
// from strings of characters to strings of characters. As stored ("precompiled
// charsmap"), all numbers little-endian:
//
//   uint32            size in bytes of the units that follow
//   uint32[]          a double array trie of the rules' left sides
//   bytes             their right sides, each ended by a NUL
//
// A unit of the trie holds, from its low end, a label (8 bits), whether a value
// follows (1), and the XOR distance to its children (23: the first says that
// the other 22 are to be shifted by 8). The unit that is a value has its high
// bit set and holds the position of a right side.
//
// A trie that leads outside its units or to no right side just has fewer rules:
// nothing is read out of bounds. Immutable and thread-safe.
class Charsmap {
 public:
  struct Match {
    int length = 0;  // bytes to replace; 0: no rule
    absl::string_view replacement;
  };

  // Without rules.
  Charsmap() = default;

  // INVALID_ARGUMENT says what was found and what was expected.
  static absl::StatusOr<Charsmap> Parse(absl::string_view blob);

  // The longest rule whose left side starts `text`.
  Match LongestMatch(absl::string_view text) const;

  bool empty() const { return units_.empty(); }

  // True if no rule applies at `byte` when it is ASCII and followed by ASCII or
  // by nothing. Saves the look-up for most Latin text.
  bool IsPlainAscii(unsigned char byte) const {
    return units_.empty() ? byte < 0x80 : plain_ascii_[byte];
  }

 private:
  bool HasRuleWithin(unsigned char first) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
  std::array<bool, 256> plain_ascii_ = {};
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_CHARSMAP_H_
