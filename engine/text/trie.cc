#include "engine/text/trie.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "absl/numeric/bits.h"

namespace peregrine::text {
namespace {

constexpr std::size_t kBlockSize = 256;

// Where to put a node's children is looked for in this many of the last blocks
// and this many free units, then a fresh block is opened: slightly more memory
// for a time that no set of keys can blow up.
constexpr std::size_t kOpenBlocks = 8;
constexpr int kMaxAttempts = 256;

}  // namespace

class Trie::Builder {
 public:
  Builder(const std::vector<Entry>& entries, std::vector<Unit>* units)
      : entries_(entries), units_(units) {
    AddBlock();
    TakeUnit(kRoot);
  }

  void Build() {
    if (!entries_.empty()) ranges_.push_back({kRoot, 0, entries_.size(), 0});
    while (!ranges_.empty()) {
      const Range range = ranges_.back();
      ranges_.pop_back();
      Expand(range);
    }
  }

 private:
  // The entries that share their first `depth` bytes, which lead to `node`.
  struct Range {
    Node node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };

  unsigned char Label(std::size_t entry, std::size_t depth) const {
    return static_cast<unsigned char>(entries_[entry].key[depth]);
  }

  void Expand(Range range) {
    const Entry& first = entries_[range.begin];
    if (first.key.size() == range.depth) {
      (*units_)[range.node].value = first.value;
      (*units_)[range.node].score = first.score;
      ++range.begin;
    }
    if (range.begin == range.end) return;

    labels_.clear();
    const std::size_t first_child = ranges_.size();
    for (std::size_t i = range.begin; i < range.end; ++i) {
      const unsigned char label = Label(i, range.depth);
      if (labels_.empty() || labels_.back() != label) {
        labels_.push_back(label);
        ranges_.push_back({kNoNode, i, i, range.depth + 1});
      }
      ranges_.back().end = i + 1;
    }

    const std::uint32_t base = FindBase();
    (*units_)[range.node].base = base;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const Node child = base ^ labels_[i];
      TakeUnit(child);
      (*units_)[child].parent = range.node;
      ranges_[first_child + i].node = child;
    }
  }

  // A base for which the units of all labels_ are free.
  std::uint32_t FindBase() {
    int attempts = 0;
    const std::size_t num_blocks = blocks_.size();
    const std::size_t oldest =
        num_blocks > kOpenBlocks ? num_blocks - kOpenBlocks : 0;
    for (std::size_t block = num_blocks; block-- > oldest;) {
      if (blocks_[block].num_free < labels_.size()) continue;
      for (std::size_t word = 0; word < kWordsInBlock; ++word) {
        std::uint64_t rest = blocks_[block].free[word];
        for (; rest != 0; rest &= rest - 1) {
          const std::size_t unit =
              block * kBlockSize + word * kWordBits + absl::countr_zero(rest);
          const auto base = static_cast<std::uint32_t>(unit ^ labels_[0]);
          if (Fits(base)) return base;
          if (++attempts == kMaxAttempts) return AddBlock();
        }
      }
    }
    return AddBlock();
  }

  bool Fits(std::uint32_t base) const {
    return std::all_of(
        labels_.begin(), labels_.end(),
        [&](unsigned char label) { return IsFree(base ^ label); });
  }

  std::uint32_t AddBlock() {
    const std::size_t begin = units_->size();
    units_->resize(begin + kBlockSize);
    blocks_.emplace_back();
    blocks_.back().free.fill(~std::uint64_t{0});
    return static_cast<std::uint32_t>(begin);
  }

  bool IsFree(Node unit) const {
    const std::size_t bit = unit % kBlockSize;
    return (blocks_[unit / kBlockSize].free[bit / kWordBits] >>
                bit % kWordBits &
            1) != 0;
  }

  void TakeUnit(Node unit) {
    const std::size_t bit = unit % kBlockSize;
    Block& block = blocks_[unit / kBlockSize];
    block.free[bit / kWordBits] &= ~(std::uint64_t{1} << bit % kWordBits);
    --block.num_free;
  }

  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kWordsInBlock = kBlockSize / kWordBits;
  struct Block {
    std::array<std::uint64_t, kWordsInBlock> free;  // a bit for each unit
    std::size_t num_free = kBlockSize;
  };

  const std::vector<Entry>& entries_;  // sorted by key
  std::vector<Unit>* units_;
  std::vector<Block> blocks_;
  std::vector<Range> ranges_;          // to be expanded
  std::vector<unsigned char> labels_;  // of the node being expanded
};

Trie::Trie(std::vector<Entry> entries) : empty_(entries.empty()) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.key < b.key; });
  Builder(entries, &units_).Build();
}

int Trie::FindLongestPrefix(absl::string_view text) const {
  int longest = 0;
  Node node = kRoot;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = Step(node, text[i]);
    if (node == kNoNode) break;
    if (units_[node].value != kNoValue) longest = static_cast<int>(i) + 1;
  }
  return longest;
}

}  // namespace peregrine::text
