#include "engine/decode/beam_search.h"

#include <algorithm>
#include <cmath>

#include "engine/base/check.h"

namespace peregrine::decode {

BeamSearch::BeamSearch(const DecodingOptions& options, int32_t decoder_start,
                       int32_t eos)
    : options_(options), eos_(eos) {
  const size_t beam_size = options.beam_size;
  live_.reserve(beam_size);
  next_live_.reserve(beam_size);
  cursors_.reserve(beam_size);
  candidates_.reserve(num_candidates());
  nodes_.reserve(beam_size * (options.max_length + 1));
  finished_.reserve(beam_size);
  live_.emplace_back().last_token = decoder_start;
}

kernels::TokenConstraint BeamSearch::constraint() const {
  kernels::TokenConstraint constraint;
  if (step_ >= options_.max_length) {
    constraint.only = eos_;
  } else if (step_ < options_.min_length) {
    constraint.forbidden = eos_;
  }
  return constraint;
}

void BeamSearch::Advance(int k, const float* log_probs, const int32_t* tokens) {
  PEREGRINE_CHECK(!done_ && k >= num_candidates());
  MergeCandidates(k, log_probs, tokens);
  const bool last_step = step_ >= options_.max_length;
  next_live_.clear();
  for (size_t rank = 0; rank < candidates_.size(); ++rank) {
    const Candidate& candidate = candidates_[rank];
    if (candidate.token == eos_) {
      const bool counts =
          rank < static_cast<size_t>(options_.beam_size) &&
          finished_.size() < static_cast<size_t>(options_.beam_size);
      if (counts) Finish(candidate, last_step);
    } else {
      Continue(candidate);
      if (next_live_.size() == static_cast<size_t>(options_.beam_size)) break;
    }
  }
  live_.swap(next_live_);
  ++step_;
  done_ = last_step || live_.empty() ||
          finished_.size() == static_cast<size_t>(options_.beam_size);
}

// The best 2 * beam_size of all continuations: a merge of rows that are sorted
// already. Strict comparison gives ties to the lower hypothesis.
void BeamSearch::MergeCandidates(int k, const float* log_probs,
                                 const int32_t* tokens) {
  candidates_.clear();
  cursors_.assign(live_.size(), 0);
  while (candidates_.size() < static_cast<size_t>(num_candidates())) {
    Candidate best{-INFINITY, -1, -1};
    for (size_t row = 0; row < live_.size(); ++row) {
      if (cursors_[row] == k) continue;
      const size_t at = row * k + cursors_[row];
      if (tokens[at] < 0) continue;  // no more allowed tokens
      const double score = live_[row].score + log_probs[at];
      if (best.live < 0 || score > best.score) {
        best = {score, static_cast<int>(row), tokens[at]};
      }
    }
    if (best.live < 0) return;
    ++cursors_[best.live];
    candidates_.push_back(best);
  }
}

void BeamSearch::Finish(const Candidate& candidate, bool truncated) {
  const double length = step_ + 1;  // eos counts
  finished_.push_back(
      {candidate.score / std::pow(length, options_.length_penalty),
       live_[candidate.live].node, truncated});
}

void BeamSearch::Continue(const Candidate& candidate) {
  nodes_.push_back({candidate.token, live_[candidate.live].node});
  Live& live = next_live_.emplace_back();
  live.last_token = candidate.token;
  live.parent = candidate.live;
  live.score = candidate.score;
  live.node = static_cast<int>(nodes_.size()) - 1;
}

std::vector<Hypothesis> BeamSearch::TakeHypotheses() {
  PEREGRINE_CHECK(done_);
  std::stable_sort(
      finished_.begin(), finished_.end(),
      [](const Finished& a, const Finished& b) { return a.score > b.score; });
  const size_t count = std::min<size_t>(
      finished_.size(), static_cast<size_t>(options_.num_hypotheses));
  std::vector<Hypothesis> hypotheses(count);
  for (size_t i = 0; i < count; ++i) {
    Hypothesis& hypothesis = hypotheses[i];
    hypothesis.score = static_cast<float>(finished_[i].score);
    hypothesis.truncated = finished_[i].truncated;
    for (int node = finished_[i].node; node >= 0; node = nodes_[node].parent) {
      hypothesis.tokens.push_back(nodes_[node].token);
    }
    std::reverse(hypothesis.tokens.begin(), hypothesis.tokens.end());
  }
  return hypotheses;
}

}  // namespace peregrine::decode
