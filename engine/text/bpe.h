#ifndef PEREGRINE_ENGINE_TEXT_BPE_H_
#define PEREGRINE_ENGINE_TEXT_BPE_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "engine/text/piece_table.h"
#include "engine/text/segmenter.h"
#include "engine/text/trie.h"

namespace peregrine::text {

// Byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909): starting from
// characters, the neighbours whose union is the best-scored piece are merged
// until no union is a piece; of equals, the leftmost. User-defined pieces are
// never merged. A piece marked unused takes part, and is undone at the end.
class BpeSegmenter final : public Segmenter {
 public:
  explicit BpeSegmenter(const PieceTable& pieces);

  std::vector<Segment> Split(absl::string_view normalized) const override;

 private:
  class Run;

  // The longest start of `text` that can be cut without the rest: a word.
  absl::string_view NextChunk(absl::string_view text) const;

  Trie trie_;          // all pieces that can result
  Trie user_defined_;  // those that never merge
  bool words_are_independent_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_BPE_H_
