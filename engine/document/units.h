#ifndef PEREGRINE_ENGINE_DOCUMENT_UNITS_H_
#define PEREGRINE_ENGINE_DOCUMENT_UNITS_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/document/span.h"

namespace peregrine::document {

// Cuts a sentence into the units that are aligned and between which something
// may be put: words with their marks and apostrophes, numbers with their
// separators, single characters of scripts without spaces, and single other
// characters. White space is in none.
std::vector<ByteRange> Units(absl::string_view text);

// Whether the end of `before` and the start of `after` would be one unit.
bool WouldJoin(absl::string_view before, absl::string_view after);

// How many of `units` end at or before byte `at`: the place between units that
// `at` is.
size_t GapAt(absl::Span<const ByteRange> units, size_t at);

// How many of `units` begin before byte `at`.
size_t GapBegun(absl::Span<const ByteRange> units, size_t at);

// What each token of a sentence stands for, and how the tokens of source and
// target belong together. Token i of the target has weights
// [i * source.size(), (i + 1) * source.size()), each 0 to 1.
struct TokenAlignment {
  std::vector<ByteRange> source;  // bytes of the source sentence
  std::vector<ByteRange> target;  // bytes of the target sentence
  std::vector<float> weights;     // empty: not known
};

// How much of each target unit comes from each source unit: rows that add up to
// 1, or to 0 where nothing is known.
class UnitAlignment {
 public:
  UnitAlignment(absl::string_view source, absl::string_view target,
                const TokenAlignment& tokens);

  const std::vector<ByteRange>& source() const { return source_; }
  const std::vector<ByteRange>& target() const { return target_; }
  float at(size_t target, size_t source) const {
    return weights_[target * source_.size() + source];
  }
  // Told by the model, not guessed.
  bool is_known() const { return is_known_; }
  // The sum of source units [begin, end).
  float Mass(size_t target, size_t begin, size_t end) const {
    const float* sums = sums_.data() + target * (source_.size() + 1);
    return sums[end] - sums[begin];
  }

 private:
  void FromTokens(const TokenAlignment& tokens);
  void Guess();
  void PreferEqual(absl::string_view source, absl::string_view target);
  void Normalize();
  void AddUp();

  std::vector<ByteRange> source_;
  std::vector<ByteRange> target_;
  std::vector<float> weights_;
  bool is_known_ = false;
  std::vector<float> sums_;  // of each row, up to each source unit
};

}  // namespace peregrine::document

#endif  // PEREGRINE_ENGINE_DOCUMENT_UNITS_H_
