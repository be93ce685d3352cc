#include "engine/text/unigram.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/text/utf8.h"

namespace peregrine::text {
namespace {

// An unknown character scores this much less than the worst piece.
constexpr float kUnknownPenalty = 10.0F;

// A running score beyond this starts again from 0, or a long text would run out
// of precision.
constexpr float kRebaseThreshold = 100000.0F;

// More than any normal piece, as those are log-probabilities: the best cut
// takes user-defined pieces, and longer ones first.
float UserDefinedScore(const PieceTable::Piece& piece) {
  return static_cast<float>(0.1 * (static_cast<int>(piece.text.size()) - 1));
}

// Of the character at `begin`, never past the end of the text.
std::int32_t CharLength(absl::string_view text, std::int32_t begin) {
  const int length =
      Utf8CharLengthFromLead(static_cast<unsigned char>(text[begin]));
  return std::min(length, static_cast<std::int32_t>(text.size()) - begin);
}

float LowestNormalScore(const PieceTable& pieces) {
  float lowest = FLT_MAX;
  for (const PieceTable::Piece& piece : pieces.pieces()) {
    if (piece.type == PieceTable::Type::kNormal) {
      lowest = std::min(lowest, piece.score);
    }
  }
  return lowest;
}

Trie MakeTrie(const PieceTable& pieces) {
  std::vector<Trie::Entry> entries;
  for (std::int32_t id = 0; id < pieces.size(); ++id) {
    const PieceTable::Piece& piece = pieces[id];
    if (piece.type == PieceTable::Type::kNormal) {
      entries.push_back({piece.text, id, piece.score});
    } else if (piece.type == PieceTable::Type::kUserDefined) {
      entries.push_back({piece.text, id, UserDefinedScore(piece)});
    }
  }
  return Trie(std::move(entries));
}

}  // namespace

// The best cut of the text up to some position: its score and last segment.
struct UnigramSegmenter::Arrival {
  float score = 0.0F;
  std::int32_t begin = -1;  // of the last segment; -1: none so far
  std::int32_t id = kUnknownSegment;

  void Improve(float candidate, std::int32_t from, std::int32_t piece) {
    if (begin < 0 || candidate > score) *this = {candidate, from, piece};
  }
};

UnigramSegmenter::UnigramSegmenter(const PieceTable& pieces)
    : trie_(MakeTrie(pieces)),
      unknown_score_(LowestNormalScore(pieces) - kUnknownPenalty) {}

std::vector<Segment> UnigramSegmenter::Split(
    absl::string_view normalized) const {
  const auto size = static_cast<std::int32_t>(normalized.size());
  std::vector<Arrival> arrivals(normalized.size() + 1);  // by position
  std::int32_t frontier = 0;                             // the furthest arrival

  for (std::int32_t begin = 0, next = 0; begin < size; begin = next) {
    next = begin + CharLength(normalized, begin);
    Rebase(begin, frontier, &arrivals);
    const float score_here = arrivals[begin].score;
    bool character_is_piece = false;
    Trie::Node node = Trie::kRoot;
    for (std::int32_t end = begin; end < size;) {
      node = trie_.Step(node, normalized[end]);
      if (node == Trie::kNoNode) break;
      ++end;
      const std::int32_t id = trie_.value(node);
      if (id == Trie::kNoValue) continue;
      arrivals[end].Improve(trie_.score(node) + score_here, begin, id);
      frontier = std::max(frontier, end);
      character_is_piece = character_is_piece || end == next;
    }
    if (!character_is_piece) {
      arrivals[next].Improve(unknown_score_ + score_here, begin,
                             kUnknownSegment);
      frontier = std::max(frontier, next);
    }
  }

  std::vector<Segment> segments;
  segments.reserve(normalized.size() / 3);
  for (std::int32_t end = size; end > 0; end = arrivals[end].begin) {
    segments.push_back({arrivals[end].id, end});
  }
  std::reverse(segments.begin(), segments.end());
  return segments;
}

void UnigramSegmenter::Rebase(std::int32_t begin, std::int32_t frontier,
                              std::vector<Arrival>* arrivals) {
  const float offset = (*arrivals)[begin].score;
  if (std::abs(offset) <= kRebaseThreshold) return;
  for (std::int32_t i = begin; i <= frontier; ++i) {
    (*arrivals)[i].score -= offset;
  }
}

}  // namespace peregrine::text
