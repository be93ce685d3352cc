#ifndef PEREGRINE_ENGINE_TEXT_UNIGRAM_H_
#define PEREGRINE_ENGINE_TEXT_UNIGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/text/piece_table.h"
#include "engine/text/segmenter.h"
#include "engine/text/trie.h"

namespace peregrine::text {

// The most probable cut under a unigram language model (Kudo 2018,
// arXiv:1804.10959), by Viterbi search over byte positions. Scores add up in
// the reference's precision, so that ties fall alike.
class UnigramSegmenter final : public Segmenter {
 public:
  explicit UnigramSegmenter(const PieceTable& pieces);

  std::vector<Segment> Split(absl::string_view normalized) const override;

 private:
  struct Arrival;

  // Moves the scores from `begin` to `frontier` back to around 0 once they are
  // far from it.
  static void Rebase(std::int32_t begin, std::int32_t frontier,
                     std::vector<Arrival>* arrivals);

  Trie trie_;
  float unknown_score_;
};

}  // namespace peregrine::text

#endif  // PEREGRINE_ENGINE_TEXT_UNIGRAM_H_
