#ifndef PEREGRINE_ENGINE_DECODE_BEAM_SEARCH_H_
#define PEREGRINE_ENGINE_DECODE_BEAM_SEARCH_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "engine/decode/decoding_options.h"
#include "engine/kernels/kernels.h"

namespace peregrine::decode {

// The search of one sentence, as docs/model-format.md specifies it: which
// hypotheses live, which are finished. Pure bookkeeping over the candidates
// that the kernels found; greedy search is a beam of one. Allocates when it is
// made and not while it advances.
class BeamSearch {
 public:
  BeamSearch(DecodingOptions options, int32_t decoder_start, int32_t eos);

  // A hypothesis that the next step continues.
  struct Live {
    int32_t last_token = 0;
    int parent = 0;    // its index among the live ones of the step before
    double score = 0;  // sum of log-probabilities
    int node = -1;     // of its last token, -1 for none
    int rank = 0;      // of the candidate that it came from
    int origin = 0;    // of independent ones: their place among the first
    int group = 0;     // see Steering::beam_groups
  };
  const std::vector<Live>& live() const { return live_; }

  // Steps done: also the number of tokens that each live hypothesis has.
  int step() const { return step_; }

  // Continuations that Advance needs of each live hypothesis.
  int num_candidates() const { return 2 * options_.beam_size; }

  // What may follow each live hypothesis in the next step.
  kernels::TokenConstraint constraint() const { return ConstraintAt(step_); }

  // Both of a later step, where the search gets there.
  kernels::TokenConstraint ConstraintAt(int step) const;
  // Whether the token of that step is the last of every open hypothesis.
  bool IsLast(int step) const;
  // Whether the token of that step adds nothing to the score.
  bool IsFree(int step) const;

  // Whether every finished hypothesis takes a place of the live ones.
  bool shrinks() const;

  const DecodingOptions& options() const { return options_; }
  // Whether each live hypothesis goes on by itself, and gives one result.
  bool is_independent() const {
    return options_.steering.sampling.has_value() ||
           (options_.steering.alternatives && step_ > alternatives_step());
  }
  // Where alternatives part: behind the prefix.
  int alternatives_step() const { return prefix_end_; }

  // All tokens of all hypotheses, as a tree that only grows.
  struct Node {
    int32_t token;
    int parent;  // node, -1 for none
    int row;     // the live hypothesis that it continued
    float log_prob;
  };
  absl::Span<const Node> nodes() const { return nodes_; }

  // What is added to the score of a hypothesis as it finishes: live hypothesis
  // `row`, the last of whose tokens is `node`, -1 for none.
  void set_finished_bonus(std::function<double(int row, int node)> bonus) {
    finished_bonus_ = std::move(bonus);
  }

  // Takes the best continuations of each live hypothesis, best first:
  // `log_probs` and `tokens` are [live().size(), k] with k >= num_candidates().
  // Afterwards either finished(), or live() are those of the next step.
  void Advance(int k, const float* log_probs, const int32_t* tokens);

  // The same where a device has merged them: the best num_candidates() of the
  // continuations of all live hypotheses, fewer where there are no more.
  void Advance(absl::Span<const kernels::BeamCandidate> candidates);

  bool finished() const { return done_; }

  // The last token, as a node, that all hypotheses have which may still become
  // the first of the results; -1 for none.
  int StableNode() const;
  // Up to `node`.
  std::vector<int32_t> Tokens(int node) const;

  // The best num_hypotheses, best first. Only when finished. Where no token
  // could follow any hypothesis, the live ones of that step stand for finished
  // ones, as if truncated; none where that was the first step.
  // In `nodes`, unless null: of each hypothesis, the nodes of its tokens.
  std::vector<Hypothesis> TakeHypotheses(
      std::vector<std::vector<int>>* nodes = nullptr);

 private:
  struct Finished {
    double score = 0;  // length-normalised
    int node = -1;     // last token before eos, or of all
    bool truncated = false;
    bool ended = false;  // by eos
    float eos_log_prob = 0;
    int origin = 0;  // see Live
  };

  void MergeCandidates(int k, const float* log_probs, const int32_t* tokens);
  void AdvanceGroups(absl::Span<const kernels::BeamCandidate> candidates);
  void AdvanceGroup(int group,
                    absl::Span<const kernels::BeamCandidate> candidates,
                    size_t first_rank);
  bool IsGroupDone(int group, const Live* best) const;
  int FirstCommonNode(int a, int b) const;
  std::vector<int> PathTo(int node) const;
  void AdvanceEach(absl::Span<const kernels::BeamCandidate> candidates);
  void FinishStranded(const std::vector<Live>& stranded);
  void KeepFinished(const Finished& finished, int group);
  std::vector<Finished> TakeFinished();
  void Finish(const kernels::BeamCandidate& candidate, bool at_limit);
  void Continue(const kernels::BeamCandidate& candidate, size_t rank);
  int AddNode(const kernels::BeamCandidate& candidate);
  size_t max_finished() const;
  bool cut_at_limit() const;
  bool can_improve(int group, const Live& best) const;
  bool is_decided() const;
  bool has_finished() const;
  double Normalized(double score, int length) const;

  const DecodingOptions options_;
  const size_t group_size_;
  const int32_t eos_;
  const int prefix_begin_;  // behind a forced first token
  const int prefix_end_;
  std::function<double(int row, int node)> finished_bonus_;
  int step_ = 0;
  bool done_ = false;
  std::vector<Live> live_;
  std::vector<Live> next_live_;
  std::vector<int> cursors_;  // per live hypothesis, into its row
  std::vector<kernels::BeamCandidate> candidates_;  // best first
  std::vector<Node> nodes_;
  std::vector<std::vector<Finished>> finished_;  // by group
};

}  // namespace peregrine::decode

#endif  // PEREGRINE_ENGINE_DECODE_BEAM_SEARCH_H_
