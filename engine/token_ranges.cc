#include "engine/token_ranges.h"

#include <algorithm>
#include <string>

#include "engine/document/units.h"

namespace peregrine {
namespace {

// Where byte `at` of `from` is in `to`, which has the same words in other
// spellings.
class WordMap {
 public:
  WordMap(absl::string_view from, absl::string_view to)
      : from_size_(from.size()),
        to_size_(to.size()),
        from_(document::Units(from)),
        to_(document::Units(to)),
        is_same_(from == to) {}

  size_t Map(size_t at) const {
    if (is_same_) return at;
    if (at == 0 || from_size_ == 0) return 0;
    if (at >= from_size_) return to_size_;
    if (from_.size() != to_.size()) return at * to_size_ / from_size_;
    const size_t unit = document::GapAt(from_, at);
    if (unit >= from_.size()) return to_size_;
    const document::ByteRange& a = from_[unit];
    const document::ByteRange& b = to_[unit];
    if (at <= a.begin) return b.begin;
    return b.begin + (at - a.begin) * b.size() / a.size();
  }

 private:
  const size_t from_size_;
  const size_t to_size_;
  const std::vector<document::ByteRange> from_;
  const std::vector<document::ByteRange> to_;
  const bool is_same_;
};

// Below this, decoding every beginning is cheaper than looking back.
constexpr size_t kShort = 32;
// Tokens that a token's text can depend on: those of a character that is
// spelled byte by byte, and the space between two words.
constexpr size_t kLookBack = 8;

size_t DecodedSize(const text::Tokenizer& tokenizer,
                   absl::Span<const int32_t> tokens) {
  return tokenizer.Decode(tokens).size();
}

// Where each token ends in what `tokens` say, by what it adds to the few before
// it. Empty: that does not add up to `whole` bytes.
std::vector<size_t> EndsByLookingBack(const text::Tokenizer& tokenizer,
                                      absl::Span<const int32_t> tokens,
                                      size_t whole) {
  std::vector<size_t> ends;
  ends.reserve(tokens.size());
  size_t end = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t from = i < kLookBack ? 0 : i - kLookBack;
    end += DecodedSize(tokenizer, tokens.subspan(from, i + 1 - from));
    end -= DecodedSize(tokenizer, tokens.subspan(from, i - from));
    ends.push_back(end);
  }
  if (end != whole) ends.clear();
  return ends;
}

std::vector<size_t> Ends(const text::Tokenizer& tokenizer,
                         absl::Span<const int32_t> tokens, size_t whole) {
  std::vector<size_t> ends;
  if (tokens.size() > kShort) {
    ends = EndsByLookingBack(tokenizer, tokens, whole);
    if (!ends.empty()) return ends;
  }
  ends.reserve(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    ends.push_back(DecodedSize(tokenizer, tokens.first(i + 1)));
  }
  return ends;
}

}  // namespace

std::vector<document::ByteRange> TokenRanges(const text::Tokenizer& tokenizer,
                                             absl::string_view text,
                                             absl::Span<const int32_t> tokens) {
  const std::string decoded = tokenizer.Decode(tokens);
  const WordMap map(decoded, text);
  std::vector<document::ByteRange> ranges;
  ranges.reserve(tokens.size());
  size_t begin = 0;
  for (size_t at : Ends(tokenizer, tokens, decoded.size())) {
    const size_t end = std::max(begin, map.Map(at));
    ranges.push_back({begin, end});
    begin = end;
  }
  return ranges;
}

}  // namespace peregrine
