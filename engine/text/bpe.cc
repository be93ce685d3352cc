#include "engine/text/bpe.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "engine/text/normalizer.h"
#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

// A value in the trie is an id and, in its lowest bit, "unused".
std::int32_t PackValue(std::int32_t id, bool unused) {
  return id << 1 | (unused ? 1 : 0);
}
std::int32_t IdOf(std::int32_t value) {
  return value == Trie::kNoValue ? kUnknownSegment : value >> 1;
}
bool IsUnused(std::int32_t value) {
  return value != Trie::kNoValue && (value & 1) != 0;
}

Trie MakeTrie(const PieceTable& pieces, bool only_user_defined) {
  std::vector<Trie::Entry> entries;
  for (std::int32_t id = 0; id < pieces.size(); ++id) {
    const PieceTable::Piece& piece = pieces[id];
    const bool unused = piece.type == PieceTable::Type::kUnused;
    const bool user_defined = piece.type == PieceTable::Type::kUserDefined;
    const bool normal = piece.type == PieceTable::Type::kNormal;
    if (user_defined || (!only_user_defined && (normal || unused))) {
      entries.push_back({piece.text, PackValue(id, unused), piece.score});
    }
  }
  return Trie(std::move(entries));
}

// Of the first character, never past the end of the text.
int CharLength(absl::string_view text) {
  const int length =
      Utf8CharLengthFromLead(static_cast<unsigned char>(text[0]));
  return std::min(length, static_cast<int>(text.size()));
}

// Where a word starts: at a space symbol that follows anything else.
bool HasWordStartInside(absl::string_view text) {
  std::size_t at = text.find(kSpaceSymbol, 1);
  while (at != absl::string_view::npos) {
    if (!absl::EndsWith(text.substr(0, at), kSpaceSymbol)) return true;
    at = text.find(kSpaceSymbol, at + kSpaceSymbol.size());
  }
  return false;
}

// Whether no merge can reach across the start of a word, so that words can be
// cut one by one: no piece does.
bool AreWordsIndependent(const PieceTable& pieces) {
  return std::none_of(pieces.pieces().begin(), pieces.pieces().end(),
                      [](const PieceTable::Piece& piece) {
                        return HasWordStartInside(piece.text);
                      });
}

}  // namespace

// The state of one call to Split. Symbols are the stretches merged so far, a
// list linked by index; the agenda is a heap of possible merges, of which those
// overtaken by another are recognised by their size when they come up.
class BpeSegmenter::Run {
 public:
  explicit Run(const BpeSegmenter& segmenter) : segmenter_(segmenter) {}

  // Cuts `text`, which starts at byte `offset` of the normalised text.
  void Cut(absl::string_view text, std::int32_t offset,
           std::vector<Segment>* segments) {
    text_ = text;
    Start();
    for (std::size_t i = 1; i < symbols_.size(); ++i) {
      Propose(static_cast<std::int32_t>(i) - 1, static_cast<std::int32_t>(i));
    }
    Merge();
    for (std::int32_t i = 0; i != kNone; i = symbols_[i].next) {
      Emit(symbols_[i], offset, segments);
    }
  }

 private:
  static constexpr std::int32_t kNone = -1;

  struct Symbol {
    std::int32_t begin;
    std::int32_t size;  // 0: merged into the one to its left
    std::int32_t previous;
    std::int32_t next;
    Trie::Node node;  // reached by its text; kNoNode: no piece starts with it
    bool frozen;
  };
  struct Candidate {
    float score;
    std::int32_t left;
    std::int32_t right;
    std::int32_t size;
    Trie::Node node;

    // For a heap with the highest score on top, of equals the leftmost.
    friend bool operator<(const Candidate& a, const Candidate& b) {
      if (a.score != b.score) return a.score < b.score;
      return a.left > b.left;
    }
  };

  absl::string_view TextOf(const Symbol& symbol) const {
    return text_.substr(symbol.begin, symbol.size);
  }

  // One symbol for each character and user-defined piece.
  void Start() {
    symbols_.clear();
    agenda_.clear();
    std::int32_t at = 0;
    while (at < static_cast<std::int32_t>(text_.size())) {
      const absl::string_view rest = text_.substr(at);
      const int piece_size = segmenter_.user_defined_.LongestPrefix(rest);
      const int size = piece_size > 0 ? piece_size : CharLength(rest);
      const auto index = static_cast<std::int32_t>(symbols_.size());
      symbols_.push_back(
          {at, size, index - 1, index + 1,
           segmenter_.trie_.Walk(Trie::kRoot, rest.substr(0, size)),
           piece_size > 0});
      at += size;
    }
    symbols_.back().next = kNone;
  }

  void Propose(std::int32_t left, std::int32_t right) {
    if (left == kNone || right == kNone) return;
    const Symbol& a = symbols_[left];
    const Symbol& b = symbols_[right];
    if (a.frozen || b.frozen || a.node == Trie::kNoNode) return;
    const Trie::Node node = segmenter_.trie_.Walk(a.node, TextOf(b));
    const std::int32_t value = segmenter_.trie_.value(node);
    if (value == Trie::kNoValue) return;
    agenda_.push_back(
        {segmenter_.trie_.score(node), left, right, a.size + b.size, node});
    std::push_heap(agenda_.begin(), agenda_.end());
    if (IsUnused(value)) {
      undo_[text_.substr(a.begin, a.size + b.size)] = a.size;
    }
  }

  void Merge() {
    while (!agenda_.empty()) {
      std::pop_heap(agenda_.begin(), agenda_.end());
      const Candidate top = agenda_.back();
      agenda_.pop_back();
      Symbol& left = symbols_[top.left];
      Symbol& right = symbols_[top.right];
      const bool overtaken = left.size == 0 || right.size == 0 ||
                             left.size + right.size != top.size;
      if (overtaken) continue;

      left.size = top.size;
      left.node = top.node;
      left.next = right.next;
      right.size = 0;
      if (left.next != kNone) symbols_[left.next].previous = top.left;
      Propose(left.previous, top.left);
      Propose(top.left, left.next);
    }
  }

  void Emit(const Symbol& symbol, std::int32_t offset,
            std::vector<Segment>* segments) {
    const std::int32_t value = segmenter_.trie_.value(symbol.node);
    if (!IsUnused(value)) {
      segments->push_back({IdOf(value), offset + symbol.begin + symbol.size});
      return;
    }
    EmitUndone(TextOf(symbol), offset + symbol.begin, segments);
  }

  // Takes unused pieces apart into what they were merged from, which may be
  // unused again.
  void EmitUndone(absl::string_view text, std::int32_t offset,
                  std::vector<Segment>* segments) {
    std::vector<absl::string_view> rest = {text};
    while (!rest.empty()) {
      const absl::string_view part = rest.back();
      rest.pop_back();
      const std::int32_t value =
          segmenter_.trie_.value(segmenter_.trie_.Walk(Trie::kRoot, part));
      const auto undo = IsUnused(value) ? undo_.find(part) : undo_.end();
      if (undo == undo_.end()) {
        offset += static_cast<std::int32_t>(part.size());
        const std::int32_t id = IsUnused(value) ? kUnknownSegment : IdOf(value);
        segments->push_back({id, offset});
      } else {
        rest.push_back(part.substr(undo->second));
        rest.push_back(part.substr(0, undo->second));
      }
    }
  }

  const BpeSegmenter& segmenter_;
  absl::string_view text_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> agenda_;
  // Of an unused piece: how long the left of the two parts is that it can be
  // merged from. These are the same wherever it occurs: merges inside a stretch
  // do not depend on what surrounds it unless they reach across its ends.
  absl::flat_hash_map<absl::string_view, std::int32_t> undo_;
};

BpeSegmenter::BpeSegmenter(const PieceTable& pieces)
    : trie_(MakeTrie(pieces, /*only_user_defined=*/false)),
      user_defined_(MakeTrie(pieces, /*only_user_defined=*/true)),
      words_are_independent_(AreWordsIndependent(pieces)) {}

std::vector<Segment> BpeSegmenter::Split(absl::string_view normalized) const {
  std::vector<Segment> segments;
  Run run(*this);
  std::int32_t offset = 0;
  while (!normalized.empty()) {
    const absl::string_view chunk = NextChunk(normalized);
    run.Cut(chunk, offset, &segments);
    offset += static_cast<std::int32_t>(chunk.size());
    normalized.remove_prefix(chunk.size());
  }
  return segments;
}

absl::string_view BpeSegmenter::NextChunk(absl::string_view text) const {
  if (!words_are_independent_) return text;
  std::size_t at = 0;
  while (absl::StartsWith(text.substr(at), kSpaceSymbol)) {
    at += kSpaceSymbol.size();
  }
  return text.substr(0, text.find(kSpaceSymbol, at));
}

}  // namespace peregrine::text
