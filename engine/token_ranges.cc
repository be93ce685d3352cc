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

}  // namespace

std::vector<document::ByteRange> TokenRanges(const text::Tokenizer& tokenizer,
                                             absl::string_view text,
                                             absl::Span<const int32_t> tokens) {
  const WordMap map(tokenizer.Decode(tokens), text);
  std::vector<document::ByteRange> ranges;
  ranges.reserve(tokens.size());
  size_t begin = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const size_t end =
        std::max(begin, map.Map(tokenizer.Decode(tokens.first(i + 1)).size()));
    ranges.push_back({begin, end});
    begin = end;
  }
  return ranges;
}

}  // namespace peregrine
