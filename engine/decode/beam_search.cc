#include "engine/decode/beam_search.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "engine/base/check.h"

namespace peregrine::decode {

using kernels::BeamCandidate;
using model::LengthLimit;
using model::Stopping;

BeamSearch::BeamSearch(DecodingOptions options, int32_t decoder_start,
                       int32_t eos)
    : options_(std::move(options)),
      group_size_(options_.beam_size / options_.steering.beam_groups),
      eos_(eos),
      prefix_begin_(options_.rules.forced_first_token >= 0 ? 1 : 0),
      prefix_end_(prefix_begin_ +
                  static_cast<int>(options_.steering.prefix.size())) {
  const size_t beam_size = options_.beam_size;
  live_.reserve(beam_size);
  next_live_.reserve(beam_size);
  cursors_.reserve(beam_size);
  candidates_.reserve(num_candidates());
  nodes_.reserve(beam_size * (options_.max_length + 1));
  finished_.resize(options_.steering.beam_groups);
  for (std::vector<Finished>& finished : finished_) {
    finished.reserve(max_finished() + beam_size + 1);
  }
  const size_t first =
      options_.steering.sampling.has_value() ? beam_size : finished_.size();
  for (size_t i = 0; i < first; ++i) {
    Live& live = live_.emplace_back();
    live.last_token = decoder_start;
    live.origin = static_cast<int>(i);
    if (finished_.size() > 1) live.group = static_cast<int>(i);
  }
}

size_t BeamSearch::max_finished() const {
  const float count = options_.patience * group_size_;
  return static_cast<size_t>(std::max(1.0f, std::round(count)));
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
  } else if (step < prefix_end_) {
    constraint.only = options_.steering.prefix[step - prefix_begin_];
  } else if (step < options_.min_length) {
    constraint.forbidden = eos_;
    constraint.forbidden_before_softmax = options_.rules.renormalize_min_length;
  }
  return constraint;
}

bool BeamSearch::IsFree(int step) const {
  if (IsLast(step) && !cut_at_limit()) {
    return options_.rules.length_limit == LengthLimit::kForcedEos;
  }
  return step < prefix_end_;
}

bool BeamSearch::shrinks() const {
  return options_.rules.stopping == Stopping::kShrinkingBeam;
}

void BeamSearch::Advance(int k, const float* log_probs, const int32_t* tokens) {
  PEREGRINE_CHECK(k >= num_candidates());
  MergeCandidates(k, log_probs, tokens);
  Advance(candidates_);
}

void BeamSearch::Advance(absl::Span<const BeamCandidate> candidates) {
  PEREGRINE_CHECK(!done_);
  const bool last_step = IsLast(step_);
  const bool parts =
      options_.steering.alternatives && step_ >= alternatives_step();
  next_live_.clear();
  const bool each = parts || is_independent();
  if (each) {
    AdvanceEach(candidates);
  } else {
    AdvanceGroups(candidates);
  }
  live_.swap(next_live_);
  if (live_.empty() && !has_finished()) FinishStranded(next_live_);
  ++step_;
  done_ = last_step || live_.empty() || (!each && is_decided());
}

// Candidates are those of one group after the other.
void BeamSearch::AdvanceGroups(absl::Span<const BeamCandidate> candidates) {
  size_t begin = 0;
  for (size_t group = 0; group < finished_.size(); ++group) {
    size_t end = begin;
    while (end < candidates.size() &&
           live_[candidates[end].hypothesis].group == static_cast<int>(group)) {
      ++end;
    }
    const size_t first = next_live_.size();
    AdvanceGroup(static_cast<int>(group),
                 candidates.subspan(begin, end - begin), begin);
    const bool goes_on = next_live_.size() > first;
    if (goes_on && IsGroupDone(static_cast<int>(group), &next_live_[first])) {
      next_live_.resize(first);
    }
    begin = end;
  }
}

// Which candidates go on is what a device that merges them decides alike, see
// kernels::BeamQueue.
void BeamSearch::AdvanceGroup(int group,
                              absl::Span<const BeamCandidate> candidates,
                              size_t first_rank) {
  const size_t places =
      shrinks() ? group_size_ - finished_[group].size() : group_size_;
  const size_t considered =
      shrinks() ? std::min(places, candidates.size()) : candidates.size();
  const bool last_step = IsLast(step_);
  const bool all_end = last_step && cut_at_limit();
  const bool behind_prefix = options_.rules.ends_behind_prefix_if_best &&
                             step_ == prefix_end_ && prefix_end_ > 0;
  const size_t first = next_live_.size();
  size_t lost = 0;  // places of hypotheses that ended too early
  for (size_t rank = 0; rank < considered; ++rank) {
    const BeamCandidate& candidate = candidates[rank];
    if (std::isnan(candidate.score)) break;  // nor is any order behind it
    if (candidate.token == eos_ && behind_prefix && rank > 0) {
      if (rank < places) ++lost;
    } else if (candidate.token == eos_ || all_end) {
      if (rank < places) Finish(candidate, last_step);
    } else {
      Continue(candidate, first_rank + rank);
    }
    if (next_live_.size() - first + lost == places) break;
  }
}

// With `best` of those that would go on.
bool BeamSearch::IsGroupDone(int group, const Live* best) const {
  return finished_[group].size() >= max_finished() &&
         !can_improve(group, *best);
}

// Every candidate becomes a hypothesis: one a live one, or at the step at which
// alternatives part, the best.
void BeamSearch::AdvanceEach(absl::Span<const BeamCandidate> candidates) {
  const bool last_step = IsLast(step_);
  const bool all_end = last_step && cut_at_limit();
  const bool part =
      options_.steering.alternatives && step_ == alternatives_step();
  const size_t count = std::min<size_t>(options_.beam_size, candidates.size());
  for (size_t rank = 0; rank < count; ++rank) {
    const BeamCandidate& candidate = candidates[rank];
    if (std::isnan(candidate.score)) continue;
    if (part) live_[candidate.hypothesis].origin = static_cast<int>(rank);
    if (candidate.token == eos_ || all_end) {
      Finish(candidate, last_step);
    } else {
      Continue(candidate, rank);
    }
  }
}

// Whether no live hypothesis can become one of those that will be returned,
// however it goes on: going on without it changes no answer. A sum of
// log-probabilities only falls, so the best that may become of it is to end now
// or, where a penalty favours the long, at the longest.
bool BeamSearch::is_decided() const {
  const auto wanted = static_cast<size_t>(options_.num_hypotheses);
  if (finished_[0].size() < wanted || shrinks() || !options_.steering.empty() ||
      options_.rules.word_penalty < 0 || finished_bonus_ != nullptr) {
    return false;
  }
  const int longest = options_.max_length + (cut_at_limit() ? 0 : 1);
  const double bound = std::max(Normalized(live_[0].score, step_ + 1),
                                Normalized(live_[0].score, longest));
  size_t above = 0;
  for (const Finished& finished : finished_[0]) above += finished.score > bound;
  return above >= wanted;
}

bool BeamSearch::has_finished() const {
  return std::any_of(finished_.begin(), finished_.end(),
                     [](const auto& finished) { return !finished.empty(); });
}

// Whether the search goes on although enough hypotheses are finished.
bool BeamSearch::can_improve(int group, const Live& best) const {
  if (options_.beam_size == 1) return false;
  int length = step_ + 1;
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
      finished_[group].begin(), finished_[group].end(),
      [](const Finished& a, const Finished& b) { return a.score < b.score; });
  return Normalized(best.score, length) > worst->score;
}

double BeamSearch::Normalized(double score, int length) const {
  return NormalizedScore(options_, score, length);
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
    Finished& finished = finished_[live.group].emplace_back();
    finished.score = Normalized(live.score, step_);
    finished.node = live.node;
    finished.truncated = true;
    finished.origin = live.origin;
  }
}

void BeamSearch::Finish(const BeamCandidate& candidate, bool at_limit) {
  const Live& live = live_[candidate.hypothesis];
  if (options_.rules.stopping == Stopping::kFirstFinished &&
      finished_[live.group].size() == max_finished() && !is_independent()) {
    return;
  }
  Finished finished;
  finished.ended = candidate.token == eos_;
  finished.node = finished.ended ? live.node : AddNode(candidate);
  finished.eos_log_prob = static_cast<float>(candidate.score - live.score);
  finished.score = Normalized(candidate.score, step_ + 1);
  if (finished_bonus_ != nullptr) {
    finished.score += finished_bonus_(candidate.hypothesis, finished.node);
  }
  // Of a forced end nobody knows whether the model would have ended there.
  finished.truncated = at_limit && !(finished.ended && cut_at_limit());
  finished.origin = live.origin;
  KeepFinished(finished, live.group);
}

void BeamSearch::KeepFinished(const Finished& finished, int group) {
  std::vector<Finished>& kept = finished_[group];
  kept.push_back(finished);
  if (is_independent() || options_.steering.alternatives ||
      kept.size() <= max_finished()) {
    return;
  }
  // Of equals the later one goes.
  const auto worst = std::min_element(
      kept.rbegin(), kept.rend(),
      [](const Finished& a, const Finished& b) { return a.score < b.score; });
  kept.erase(std::next(worst).base());
}

int BeamSearch::AddNode(const BeamCandidate& candidate) {
  const Live& live = live_[candidate.hypothesis];
  nodes_.push_back({candidate.token, live.node, candidate.hypothesis,
                    static_cast<float>(candidate.score - live.score)});
  return static_cast<int>(nodes_.size()) - 1;
}

void BeamSearch::Continue(const BeamCandidate& candidate, size_t rank) {
  const int node = AddNode(candidate);
  Live& live = next_live_.emplace_back();
  live.last_token = candidate.token;
  live.parent = candidate.hypothesis;
  live.score = candidate.score;
  live.node = node;
  live.rank = static_cast<int>(rank);
  live.origin = live_[candidate.hypothesis].origin;
  live.group = live_[candidate.hypothesis].group;
}

int BeamSearch::FirstCommonNode(int a, int b) const {
  // A parent has a lower number than its children.
  while (a != b) {
    int& later = a > b ? a : b;
    later = nodes_[later].parent;
  }
  return a;
}

std::vector<int> BeamSearch::PathTo(int node) const {
  std::vector<int> path;
  for (; node >= 0; node = nodes_[node].parent) path.push_back(node);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<int32_t> BeamSearch::Tokens(int node) const {
  std::vector<int32_t> tokens;
  for (int step : PathTo(node)) tokens.push_back(nodes_[step].token);
  return tokens;
}

int BeamSearch::StableNode() const {
  constexpr int kNone = -2;
  int node = kNone;
  const auto meet = [&](int other) {
    node = node == kNone ? other : FirstCommonNode(node, other);
  };
  for (const Live& live : live_) meet(live.node);
  // Of the finished ones only the best can be the first of the results; where
  // these are not ordered by their scores, any.
  const Finished* best = nullptr;
  for (const auto& finished : finished_) {
    for (const Finished& one : finished) {
      if (options_.steering.alternatives) meet(one.node);
      if (best == nullptr || one.score > best->score) best = &one;
    }
  }
  if (best != nullptr) meet(best->node);
  return std::max(node, -1);
}

// Of all groups.
std::vector<BeamSearch::Finished> BeamSearch::TakeFinished() {
  std::vector<Finished> all;
  for (const std::vector<Finished>& finished : finished_) {
    all.insert(all.end(), finished.begin(), finished.end());
  }
  return all;
}

std::vector<Hypothesis> BeamSearch::TakeHypotheses(
    std::vector<std::vector<int>>* nodes) {
  PEREGRINE_CHECK(done_);
  const bool by_origin = options_.steering.alternatives;
  std::vector<Finished> all = TakeFinished();
  std::stable_sort(all.begin(), all.end(),
                   [=](const Finished& a, const Finished& b) {
                     return by_origin ? a.origin < b.origin : a.score > b.score;
                   });
  const size_t count = std::min<size_t>(
      all.size(), static_cast<size_t>(options_.num_hypotheses));
  std::vector<Hypothesis> hypotheses(count);
  for (size_t i = 0; i < count; ++i) {
    const Finished& finished = all[i];
    Hypothesis& hypothesis = hypotheses[i];
    hypothesis.score = static_cast<float>(finished.score);
    hypothesis.truncated = finished.truncated;
    std::vector<int> path = PathTo(finished.node);
    for (int node : path) {
      hypothesis.tokens.push_back(nodes_[node].token);
      hypothesis.token_scores.push_back(nodes_[node].log_prob);
    }
    if (finished.ended) {
      hypothesis.token_scores.push_back(finished.eos_log_prob);
    }
    if (nodes != nullptr) nodes->push_back(std::move(path));
  }
  return hypotheses;
}

}  // namespace peregrine::decode
