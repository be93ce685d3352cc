#include "engine/decode/beam_search.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "engine/base/check.h"

namespace peregrine::decode {

using kernels::BeamCandidate;
using model::LengthLimit;
using model::Stopping;

BeamSearch::BeamSearch(const DecodingOptions& options, int32_t decoder_start,
                       int32_t eos)
    : options_(options), eos_(eos) {
  const size_t beam_size = options.beam_size;
  live_.reserve(beam_size);
  next_live_.reserve(beam_size);
  cursors_.reserve(beam_size);
  candidates_.reserve(num_candidates());
  nodes_.reserve(beam_size * (options.max_length + 1));
  finished_.reserve(beam_size + 1);
  live_.emplace_back().last_token = decoder_start;
}

bool BeamSearch::IsLast(int step) const {
  return step + (cut_at_limit() ? 1 : 0) >= options_.max_length;
}

bool BeamSearch::cut_at_limit() const {
  return options_.rules.length_limit == LengthLimit::kCut &&
         options_.max_length > 0;
}

kernels::TokenConstraint BeamSearch::ConstraintAt(int step) const {
  kernels::TokenConstraint constraint;
  if (IsLast(step) && !cut_at_limit()) {
    constraint.only = eos_;
  } else if (step == 0 && options_.rules.forced_first_token >= 0) {
    constraint.only = options_.rules.forced_first_token;
  } else if (step < options_.min_length) {
    constraint.forbidden = eos_;
    constraint.forbidden_before_softmax = options_.rules.renormalize_min_length;
  }
  return constraint;
}

bool BeamSearch::IsFree(int step) const {
  const int32_t only = ConstraintAt(step).only;
  return only >= 0 && (only == options_.rules.forced_first_token ||
                       options_.rules.length_limit == LengthLimit::kForcedEos);
}

bool BeamSearch::shrinks() const {
  return options_.rules.stopping == Stopping::kShrinkingBeam;
}

void BeamSearch::Advance(int k, const float* log_probs, const int32_t* tokens) {
  PEREGRINE_CHECK(k >= num_candidates());
  MergeCandidates(k, log_probs, tokens);
  Advance(candidates_);
}

// Which candidates go on is what a device that merges them decides alike, see
// kernels::BeamQueue.
void BeamSearch::Advance(absl::Span<const BeamCandidate> candidates) {
  PEREGRINE_CHECK(!done_);
  const size_t beam_size = options_.beam_size;
  const size_t places = shrinks() ? beam_size - finished_.size() : beam_size;
  const size_t considered =
      shrinks() ? std::min(places, candidates.size()) : candidates.size();
  const bool last_step = IsLast(step_);
  const bool all_end = last_step && cut_at_limit();
  next_live_.clear();
  for (size_t rank = 0; rank < considered; ++rank) {
    const BeamCandidate& candidate = candidates[rank];
    if (std::isnan(candidate.score)) break;  // nor is any order behind it
    if (candidate.token == eos_ || all_end) {
      if (rank < places) Finish(candidate, last_step);
    } else {
      Continue(candidate);
      if (next_live_.size() == places) break;
    }
  }
  live_.swap(next_live_);
  if (live_.empty() && finished_.empty()) FinishStranded(next_live_);
  ++step_;
  done_ = last_step || live_.empty() ||
          (finished_.size() == beam_size && !can_improve());
}

// Whether the search goes on although beam_size hypotheses are finished.
bool BeamSearch::can_improve() const {
  if (options_.beam_size == 1) return false;
  int length = step_;
  switch (options_.rules.stopping) {
    case Stopping::kFirstFinished:
    case Stopping::kBestFinished:
    case Stopping::kShrinkingBeam:
      return false;
    case Stopping::kHeuristic:
      break;
    case Stopping::kNever:
      // A penalty favours the long: the longest score best.
      if (options_.length_penalty > 0) {
        length = options_.max_length + (cut_at_limit() ? 0 : 1);
      }
      break;
  }
  const auto worst = std::min_element(
      finished_.begin(), finished_.end(),
      [](const Finished& a, const Finished& b) { return a.score < b.score; });
  return Normalized(live_[0].score, length) > worst->score;
}

double BeamSearch::Normalized(double score, int length) const {
  const double penalty = static_cast<double>(options_.rules.word_penalty);
  return (score - penalty * length) / std::pow(length, options_.length_penalty);
}

// The best 2 * beam_size of all continuations: a merge of rows that are sorted
// already. Strict comparison gives ties to the lower hypothesis.
void BeamSearch::MergeCandidates(int k, const float* log_probs,
                                 const int32_t* tokens) {
  candidates_.clear();
  const bool free = IsFree(step_);
  cursors_.assign(live_.size(), 0);
  while (candidates_.size() < static_cast<size_t>(num_candidates())) {
    BeamCandidate best{-INFINITY, -1, -1};
    for (size_t row = 0; row < live_.size(); ++row) {
      if (cursors_[row] == k) continue;
      const size_t at = row * k + cursors_[row];
      // No more allowed tokens, or none that the model gives a number.
      if (tokens[at] < 0 || !(log_probs[at] > -INFINITY)) continue;
      const double score = live_[row].score + (free ? 0.0 : log_probs[at]);
      if (best.hypothesis < 0 || score > best.score) {
        best = {score, static_cast<int>(row), tokens[at]};
      }
    }
    if (best.hypothesis < 0) return;
    ++cursors_[best.hypothesis];
    candidates_.push_back(best);
  }
}

// Best first they are already.
void BeamSearch::FinishStranded(const std::vector<Live>& stranded) {
  if (step_ == 0) return;
  for (const Live& live : stranded) {
    finished_.push_back(
        {Normalized(live.score, step_), live.node, /*truncated=*/true});
  }
}

void BeamSearch::Finish(const BeamCandidate& candidate, bool at_limit) {
  const size_t beam_size = options_.beam_size;
  if (options_.rules.stopping == Stopping::kFirstFinished &&
      finished_.size() == beam_size) {
    return;
  }
  const bool ended = candidate.token == eos_;
  int node = live_[candidate.hypothesis].node;
  if (!ended) {
    nodes_.push_back({candidate.token, node});
    node = static_cast<int>(nodes_.size()) - 1;
  }
  // Of a forced end nobody knows whether the model would have ended there.
  const bool truncated = at_limit && !(ended && cut_at_limit());
  finished_.push_back(
      {Normalized(candidate.score, step_ + 1), node, truncated});
  if (finished_.size() > beam_size) {
    // Of equals the later one goes.
    const auto worst = std::min_element(
        finished_.rbegin(), finished_.rend(),
        [](const Finished& a, const Finished& b) { return a.score < b.score; });
    finished_.erase(std::next(worst).base());
  }
}

void BeamSearch::Continue(const BeamCandidate& candidate) {
  nodes_.push_back({candidate.token, live_[candidate.hypothesis].node});
  Live& live = next_live_.emplace_back();
  live.last_token = candidate.token;
  live.parent = candidate.hypothesis;
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
