#ifndef PEREGRINE_ENGINE_DECODE_SENTENCE_ALIGNER_H_
#define PEREGRINE_ENGINE_DECODE_SENTENCE_ALIGNER_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "engine/decode/beam_search.h"
#include "engine/decode/decoding_options.h"
#include "engine/kernels/kernels.h"
#include "engine/model/config.h"

namespace peregrine::decode {

// Where in its source one sentence is aligned.
struct AlignedSource {
  int length = 0;       // with what the model adds
  int first_token = 0;  // of the caller's tokens
  int num_tokens = 0;   // of these
};

// How much it has to remember at most.
struct AlignedTarget {
  int rows = 0;   // hypotheses that live at a time
  int nodes = 0;  // tokens of all hypotheses
};

// How much each token of the hypotheses of one sentence looks at each source
// position: the mean over the heads that the model's config names of one
// layer's cross-attention, as it was when the token was chosen (or, for a
// model whose heads look at the token before, one step later). Computed on the
// host from queries and keys. Allocates when it is made and not in a step.
class SentenceAligner {
 public:
  // `keys` are those of the layer, [source.length, heads.width()].
  SentenceAligner(const AlignedTarget& target, const AlignedSource& source,
                  const model::AlignmentConfig& config,
                  kernels::HeadShape heads, std::vector<float> keys);

  // Of a step, before the search advances: the queries of live hypothesis
  // `row`, [heads.width()].
  void TakeQueries(const BeamSearch& search, size_t row, const float* queries);
  // After it has.
  void Follow(const BeamSearch& search);

  // In place of both, where there is one hypothesis, whose nodes are its
  // tokens: the queries of the row that predicts the token at `position`.
  void TakePosition(int position, const float* queries);

  // The sum over source tokens of log(min(1, attention)) of the tokens up to
  // `node` of live hypothesis `row`, with what that one looks at now.
  double Coverage(const BeamSearch& search, int row, int node);

  // [nodes, source.num_tokens]
  std::vector<float> Alignment(absl::Span<const int> nodes) const;

 private:
  // The mean over the heads, [source.length].
  void Attend(const float* queries, float* mean);
  float* OfNode(size_t node) { return nodes_.data() + node * source_.length; }
  const float* OfNode(size_t node) const {
    return nodes_.data() + node * source_.length;
  }

  const AlignedSource source_;
  const bool shifted_;
  const kernels::HeadShape heads_;
  std::vector<int> head_numbers_;
  const std::vector<float> keys_;
  size_t num_nodes_ = 0;         // seen
  std::vector<float> rows_;      // [beam_size, source.length]
  std::vector<float> nodes_;     // [all nodes, source.length]
  std::vector<float> scores_;    // [source.length]
  std::vector<float> coverage_;  // likewise
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_SENTENCE_ALIGNER_H_
