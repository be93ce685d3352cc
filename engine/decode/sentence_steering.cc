#include "engine/decode/sentence_steering.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/memory/memory.h"
#include "engine/base/check.h"
#include "engine/kernels/logit_row.h"

namespace peregrine::decode {
namespace {

using kernels::BeamCandidate;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool EndsWith(absl::Span<const int32_t> history, int32_t token,
              const std::vector<int32_t>& phrase) {
  return token == phrase.back() && history.size() + 1 >= phrase.size() &&
         std::equal(phrase.begin(), phrase.end() - 1,
                    history.end() - (phrase.size() - 1));
}

// By position, prefix apart: what is done outside of a step, or by BeamSearch.
bool ConcernsSteps(const Steering& steering) {
  Steering rest = steering;
  rest.prefix.clear();
  rest.coverage_penalty = 0.0f;
  return !rest.empty();
}

}  // namespace

std::unique_ptr<SentenceSteering> SentenceSteering::Create(
    const DecodingOptions& options, const model::ModelConfig& model) {
  if (!ConcernsSteps(options.steering)) return nullptr;
  return absl::WrapUnique(new SentenceSteering(options, model));
}

SentenceSteering::SentenceSteering(const DecodingOptions& options,
                                   const model::ModelConfig& model)
    : options_(options),
      tokens_(model.tokens),
      suppressed_(model.decoding.suppressed_tokens) {
  const Steering& steering = options_.steering;
  const size_t rows = options_.beam_size;
  stride_ = options_.max_length + 2;
  histories_.resize(rows * stride_);
  next_histories_.resize(rows * stride_);
  if (options_.rules.start_is_generated) {
    history_size_ = 1;
    for (size_t row = 0; row < rows; ++row) {
      histories_[row * stride_] = tokens_.decoder_start;
    }
  }
  max_listed_ = 2 + static_cast<int>(steering.must_contain.size() +
                                     steering.must_not_contain.size() +
                                     steering.not_first.size());
  if (has_tokens_to_penalize() || steering.no_repeat_ngram_size > 0) {
    max_listed_ += static_cast<int>(stride_);
  }
  size_t most_ways = 0;
  for (const std::vector<int32_t>& ways : steering.completion) {
    most_ways = std::max(most_ways, ways.size() / 2);
  }
  max_listed_ += static_cast<int>(most_ways);
  kept_logits_.reserve(most_ways);
  const size_t per_row = 2 * rows + max_listed_;
  entries_.reserve(per_row);
  if (samples()) {
    sampler_ = std::make_unique<TokenSampler>(
        *steering.sampling, model.architecture.target_vocab_size);
  }
  options_of_step_.reserve(rows * per_row);
  candidates_.reserve(2 * rows);
  if (steering.beam_groups > 1) {
    ungrouped_.reserve(rows * per_row);
    group_tokens_.reserve(rows);
  }
  progress_.resize(rows);
  next_progress_.reserve(2 * rows);
  if (!steering.must_contain.empty()) {
    phrases_ = std::make_unique<PhraseConstraints>(steering.must_contain,
                                                   steering.in_order);
    phrases_->Reserve(rows * per_row);
    size_t longest = 0;
    for (const auto& phrase : steering.must_contain) {
      longest = std::max(longest, phrase.size());
    }
    with_phrase_.reserve(stride_ + longest + 1);
    with_token_.reserve(stride_ + 1);
  }
}

bool SentenceSteering::IsSuppressed(int32_t token) const {
  return std::find(suppressed_.begin(), suppressed_.end(), token) !=
         suppressed_.end();
}

bool SentenceSteering::WasGenerated(absl::Span<const int32_t> history,
                                    int32_t token) const {
  return std::find(history.begin(), history.end(), token) != history.end();
}

// Whether `token` ends an n-gram that stands in `history` already.
bool SentenceSteering::RepeatsNgram(absl::Span<const int32_t> history,
                                    int32_t token) const {
  const auto size = static_cast<size_t>(options_.steering.no_repeat_ngram_size);
  if (size == 0 || history.size() < size) return false;
  const auto last = history.end() - (size - 1);
  for (auto begin = history.begin(); begin + size <= history.end(); ++begin) {
    if (begin[size - 1] == token && std::equal(last, history.end(), begin)) {
      return true;
    }
  }
  return false;
}

bool SentenceSteering::IsBanned(absl::Span<const int32_t> history,
                                int32_t token) const {
  const Steering& steering = options_.steering;
  if (!steering.allow_unknown && token == tokens_.unk) return true;
  if (RepeatsNgram(history, token)) return true;
  const size_t first = (options_.rules.start_is_generated ? 1 : 0) +
                       (options_.rules.forced_first_token >= 0 ? 1 : 0) +
                       steering.prefix.size();
  if (history.size() == first &&
      std::find(steering.not_first.begin(), steering.not_first.end(), token) !=
          steering.not_first.end()) {
    return true;
  }
  return std::any_of(
      steering.must_not_contain.begin(), steering.must_not_contain.end(),
      [&](const auto& phrase) { return EndsWith(history, token, phrase); });
}

// Whether all of a phrase that must be there may stand behind `history`: once
// begun, it is finished.
bool SentenceSteering::MayBegin(absl::Span<const int32_t> history, int phrase) {
  with_phrase_.assign(history.begin(), history.end());
  for (int32_t token : phrases_->Tokens(phrase)) {
    if (IsBanned(with_phrase_, token)) return false;
    with_phrase_.push_back(token);
  }
  return true;
}

// Whether all that may come there is banned: the beginning that is demanded
// comes first.
bool SentenceSteering::MustBreakBans(size_t row) const {
  const auto& ways = options_.steering.completion[progress_[row].place];
  for (size_t i = 0; i < ways.size(); i += 2) {
    if (!IsBanned(History(row), ways[i])) return false;
  }
  return true;
}

int SentenceSteering::PlaceBehind(size_t row, int32_t token) const {
  const auto& ways = options_.steering.completion[progress_[row].place];
  size_t low = 0;
  size_t high = ways.size() / 2;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (ways[2 * middle] < token) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const bool is_there = 2 * low < ways.size() && ways[2 * low] == token;
  return is_there ? ways[2 * low + 1] : -1;
}

void SentenceSteering::List(const BeamSearch& search, size_t row,
                            std::vector<int32_t>& tokens) {
  if (search.constraint().only >= 0) return;
  const Steering& steering = options_.steering;
  const size_t begin = tokens.size();
  if (Completes(search, row)) {
    const auto& ways = steering.completion[progress_[row].place];
    for (size_t i = 0; i < ways.size(); i += 2) tokens.push_back(ways[i]);
    return;
  }
  const absl::Span<const int32_t> history = History(row);
  const auto ban = [&](int32_t token) {
    if (token >= 0 && IsBanned(history, token)) tokens.push_back(token);
  };
  if (has_tokens_to_penalize()) {
    tokens.insert(tokens.end(), history.begin(), history.end());
  } else if (steering.no_repeat_ngram_size > 0) {
    for (int32_t token : history) ban(token);
  }
  for (const auto& phrase : steering.must_not_contain) {
    const int32_t token = phrase.back();
    if (EndsWith(history, token, phrase)) tokens.push_back(token);
  }
  for (int32_t token : steering.not_first) ban(token);
  ban(tokens_.unk);
  const bool lacks_phrases =
      phrases_ != nullptr && !phrases_->IsComplete(progress_[row]);
  if (steering.end_penalty != 0.0f || lacks_phrases) {
    tokens.push_back(tokens_.eos);
  }
  if (lacks_phrases) {
    const int32_t forced = phrases_->ForcedToken(progress_[row]);
    if (forced >= 0) tokens.push_back(forced);
    phrases_->ForEachBeginning(progress_[row], [&](int phrase) {
      tokens.push_back(phrases_->FirstToken(phrase));
    });
  }
  std::sort(tokens.begin() + begin, tokens.end());
  tokens.erase(std::unique(tokens.begin() + begin, tokens.end()), tokens.end());
}

// Of a logit or log-probability.
double SentenceSteering::Penalized(double value) const {
  const double penalty = options_.steering.repetition_penalty;
  return value < 0 ? value * penalty : value / penalty;
}

// What may follow live hypothesis `row`, best first, in entries_.
void SentenceSteering::AdjustRow(const BeamSearch& search, size_t row,
                                 const RowOutputs& outputs) {
  const absl::Span<const int32_t> history = History(row);
  const kernels::TokenConstraint constraint = search.constraint();
  // A completion lists all that may come.
  const bool completes = Completes(search, row);
  const bool may_be_banned = completes && MustBreakBans(row);
  entries_.clear();
  double sum = std::exp(double{outputs.log_rest});  // of probabilities
  for (size_t i = 0; i < outputs.listed_tokens.size(); ++i) {
    const int32_t token = outputs.listed_tokens[i];
    const double log_prob = outputs.listed_log_probs[i];
    if (!(log_prob > -kInfinity) || token == constraint.forbidden ||
        IsSuppressed(token)) {
      continue;
    }
    if (!may_be_banned && IsBanned(history, token)) continue;
    double adjusted = log_prob;
    if (has_tokens_to_penalize() && WasGenerated(history, token)) {
      adjusted = penalizes_logits()
                     ? Penalized(log_prob + outputs.log_sum) - outputs.log_sum
                     : Penalized(log_prob);
    }
    sum += std::exp(adjusted);
    entries_.push_back({adjusted, token});
  }
  for (size_t i = 0; i < outputs.best_tokens.size() && !completes; ++i) {
    if (outputs.best_tokens[i] < 0) break;
    if (!(outputs.best_log_probs[i] > -kInfinity)) break;
    entries_.push_back({outputs.best_log_probs[i], outputs.best_tokens[i]});
  }
  if (renormalizes() && !outputs.listed_tokens.empty()) {
    const double log_sum = std::log(sum);
    for (Entry& entry : entries_) entry.log_prob -= log_sum;
  }
  for (Entry& entry : entries_) {
    if (entry.token == tokens_.eos) {
      entry.log_prob -= options_.steering.end_penalty;
    }
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) {
              return a.log_prob != b.log_prob ? a.log_prob > b.log_prob
                                              : a.token < b.token;
            });
  const double least = std::log(options_.steering.min_probability);
  while (entries_.size() > 1 && entries_.back().log_prob < least) {
    entries_.pop_back();
  }
}

void SentenceSteering::TakeRow(const BeamSearch& search, size_t row,
                               const RowOutputs& outputs) {
  if (row == 0) options_of_step_.clear();
  AdjustRow(search, row, outputs);
  AddOptions(search, row, outputs);
}

void SentenceSteering::AddOption(const BeamSearch& search, size_t row,
                                 double log_prob, int32_t token,
                                 PhraseProgress progress) {
  PhraseOption option;
  const bool free = search.IsFree(search.step());
  option.score = search.live()[row].score + (free ? 0.0 : log_prob);
  option.hypothesis = static_cast<int>(row);
  option.token = token;
  option.progress = progress;
  option.rank = option.score;
  if (phrases_ != nullptr) {
    option.rank = phrases_->Rank(progress, option.score);
  }
  options_of_step_.push_back(option);
}

namespace {

double LogProbOf(const RowOutputs& outputs, int32_t token) {
  const auto found = std::lower_bound(outputs.listed_tokens.begin(),
                                      outputs.listed_tokens.end(), token);
  if (found == outputs.listed_tokens.end() || *found != token) {
    return -kInfinity;
  }
  return outputs.listed_log_probs[found - outputs.listed_tokens.begin()];
}

}  // namespace

// A hypothesis that would rather end, or has no more places than it needs: one
// more for each phrase where something may have to stand in front of it.
bool SentenceSteering::MustBegin(const BeamSearch& search, size_t row,
                                 const RowOutputs& outputs) const {
  const int left = options_.max_length - search.step();
  const bool keeps_clear = !options_.steering.must_not_contain.empty() ||
                           options_.steering.no_repeat_ngram_size > 0;
  const int spare = keeps_clear ? phrases_->NumLeft(progress_[row]) : 0;
  if (phrases_->NumMissing(progress_[row]) + spare >= left) return true;
  const double eos = LogProbOf(outputs, tokens_.eos);
  return search.step() >= options_.min_length &&
         (entries_.empty() || entries_[0].token == tokens_.eos ||
          eos > entries_[0].log_prob);
}

// Whether a phrase that is missing may stand behind `token`.
bool SentenceSteering::LeadsToPhrase(size_t row, int32_t token) {
  bool leads = false;
  phrases_->ForEachBeginning(progress_[row], [&](int phrase) {
    const absl::Span<const int32_t> history = History(row);
    with_token_.assign(history.begin(), history.end());
    with_token_.push_back(token);
    leads = leads || MayBegin(with_token_, phrase);
  });
  return leads;
}

void SentenceSteering::AddBeginnings(const BeamSearch& search, size_t row,
                                     const RowOutputs& outputs) {
  const bool free = search.IsFree(search.step());
  phrases_->ForEachBeginning(progress_[row], [&](int phrase) {
    const int32_t token = phrases_->FirstToken(phrase);
    const double log_prob = LogProbOf(outputs, token);
    if (!(log_prob > -kInfinity) || !MayBegin(History(row), phrase)) return;
    const double score = search.live()[row].score + (free ? 0.0 : log_prob);
    AddOption(search, row, log_prob, token,
              phrases_->Begin(progress_[row], phrase, history_size_, score));
  });
}

void SentenceSteering::AddOptions(const BeamSearch& search, size_t row,
                                  const RowOutputs& outputs) {
  const int32_t only = search.constraint().only;
  if (phrases_ == nullptr || Completes(search, row)) {
    for (const Entry& entry : entries_) {
      PhraseProgress next = progress_[row];
      if (Completes(search, row)) next.place = PlaceBehind(row, entry.token);
      if (phrases_ != nullptr) {
        phrases_->Add(History(row), entry.token, next);
      }
      AddOption(search, row, entry.log_prob, entry.token, next);
    }
    return;
  }
  const PhraseProgress& progress = progress_[row];
  const int32_t forced = phrases_->ForcedToken(progress);
  if (only < 0 && forced >= 0) {
    const double log_prob = LogProbOf(outputs, forced);
    if (!(log_prob > -kInfinity)) return;
    const PhraseProgress next = phrases_->Follow(progress, history_size_);
    AddOption(search, row, log_prob, forced, next);
    phrases_->Learn(progress, options_of_step_.back().score);
    return;
  }
  const bool lacks_phrases = only < 0 && !phrases_->IsComplete(progress);
  const size_t first = options_of_step_.size();
  if (lacks_phrases) AddBeginnings(search, row, outputs);
  const bool must_begin = lacks_phrases && MustBegin(search, row, outputs);
  if (must_begin && options_of_step_.size() > first) return;
  // It cannot begin here: then behind what comes next.
  const bool any_leads =
      must_begin &&
      std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        return entry.token != tokens_.eos && LeadsToPhrase(row, entry.token);
      });
  for (const Entry& entry : entries_) {
    if (any_leads && !LeadsToPhrase(row, entry.token)) continue;
    PhraseProgress next = progress;
    if (entry.token == tokens_.eos) {
      if (lacks_phrases) continue;
    } else if (!phrases_->Add(History(row), entry.token, next) && only < 0) {
      continue;
    }
    // A beginning did the same.
    if (lacks_phrases && next.met != progress.met &&
        phrases_->IsWhole(progress, entry.token)) {
      continue;
    }
    AddOption(search, row, entry.log_prob, entry.token, next);
  }
}

// At the last step hypotheses end however they are: those that lack a phrase
// only where all do.
void SentenceSteering::DropIncomplete(const BeamSearch& search) {
  if (phrases_ == nullptr || !search.IsLast(search.step())) return;
  const auto complete = [&](const PhraseOption& option) {
    return phrases_->IsComplete(option.progress);
  };
  const auto end = std::partition(options_of_step_.begin(),
                                  options_of_step_.end(), complete);
  if (end == options_of_step_.begin()) return;
  options_of_step_.erase(end, options_of_step_.end());
}

// Of the options from `begin` on.
void SentenceSteering::KeepBest(size_t begin, size_t count) {
  const auto first = options_of_step_.begin() + begin;
  const size_t kept = std::min(count, options_of_step_.size() - begin);
  std::partial_sort(first, first + kept, options_of_step_.end(),
                    [](const PhraseOption& a, const PhraseOption& b) {
                      if (a.score != b.score) return a.score > b.score;
                      if (a.hypothesis != b.hypothesis) {
                        return a.hypothesis < b.hypothesis;
                      }
                      return a.token < b.token;
                    });
  options_of_step_.resize(begin + kept);
}

// The best of each group, in order, each group after those before it: what
// they continue with costs it.
void SentenceSteering::ChooseOfGroups(const BeamSearch& search) {
  const int groups = options_.steering.beam_groups;
  const size_t group_size = options_.beam_size / groups;
  // What is forced costs no group anything.
  const double penalty =
      search.constraint().only >= 0 ? 0.0 : options_.steering.diversity_penalty;
  ungrouped_.swap(options_of_step_);
  options_of_step_.clear();
  group_tokens_.clear();
  auto next = ungrouped_.begin();
  for (int group = 0; group < groups; ++group) {
    const size_t first = options_of_step_.size();
    for (; next != ungrouped_.end() &&
           search.live()[next->hypothesis].group == group;
         ++next) {
      PhraseOption& option = options_of_step_.emplace_back(*next);
      option.score -= penalty * static_cast<double>(std::count(
                                    group_tokens_.begin(), group_tokens_.end(),
                                    option.token));
    }
    KeepBest(first, 2 * group_size);
    size_t taken = 0;
    for (size_t i = first; i < options_of_step_.size(); ++i) {
      if (options_of_step_[i].token == tokens_.eos) continue;
      if (++taken > group_size) break;
      group_tokens_.push_back(options_of_step_[i].token);
    }
  }
}

absl::Span<const BeamCandidate> SentenceSteering::Choose(
    const BeamSearch& search) {
  if (options_.steering.beam_groups > 1) {
    ChooseOfGroups(search);
  } else if (!samples() && !search.is_independent()) {
    DropIncomplete(search);
    const size_t count = search.num_candidates();
    if (phrases_ != nullptr) {
      phrases_->Allocate(count, options_of_step_);
    } else {
      KeepBest(0, count);
    }
  } else if (!samples()) {
    // The best of each.
    const auto end =
        std::unique(options_of_step_.begin(), options_of_step_.end(),
                    [](const PhraseOption& a, const PhraseOption& b) {
                      return a.hypothesis == b.hypothesis;
                    });
    options_of_step_.erase(end, options_of_step_.end());
  }
  candidates_.clear();
  next_progress_.clear();
  for (const PhraseOption& option : options_of_step_) {
    candidates_.push_back({option.score, option.hypothesis, option.token});
    next_progress_.push_back(option.progress);
  }
  return candidates_;
}

void SentenceSteering::Follow(const BeamSearch& search) {
  for (size_t j = 0; j < search.live().size(); ++j) {
    const BeamSearch::Live& live = search.live()[j];
    int32_t* const next = next_histories_.data() + j * stride_;
    std::copy_n(histories_.data() + live.parent * stride_, history_size_, next);
    next[history_size_] = live.last_token;
    progress_[j] = next_progress_[live.rank];
  }
  ++history_size_;
  histories_.swap(next_histories_);
}

// ---- Sampling

// -infinity for all others.
void SentenceSteering::KeepCompletions(size_t row, absl::Span<float> logits) {
  const auto& ways = options_.steering.completion[progress_[row].place];
  constexpr float kNever = -std::numeric_limits<float>::infinity();
  const bool may_be_banned = MustBreakBans(row);
  kept_logits_.clear();
  for (size_t i = 0; i < ways.size(); i += 2) {
    const bool may_come = may_be_banned || !IsBanned(History(row), ways[i]);
    kept_logits_.push_back(may_come ? logits[ways[i]] : kNever);
  }
  std::fill(logits.begin(), logits.end(), kNever);
  for (size_t i = 0; i < ways.size(); i += 2) {
    logits[ways[i]] = kept_logits_[i / 2];
  }
}

void SentenceSteering::Sample(const BeamSearch& search, size_t row,
                              absl::Span<float> logits) {
  if (row == 0) options_of_step_.clear();
  const absl::Span<const int32_t> history = History(row);
  const kernels::TokenConstraint constraint = search.constraint();
  const bool completes = Completes(search, row);
  if (constraint.only < 0 && !completes) {
    // Each once: a penalty must not come twice.
    for (size_t i = 0; has_tokens_to_penalize() && i < history.size(); ++i) {
      float& logit = logits[history[i]];
      if (WasGenerated(history.subspan(0, i), history[i])) continue;
      logit = static_cast<float>(Penalized(logit));
    }
    const auto forbid = [&](int32_t token) {
      if (token >= 0) logits[token] = -std::numeric_limits<float>::infinity();
    };
    const auto ban = [&](int32_t token) {
      if (token >= 0 && IsBanned(history, token)) forbid(token);
    };
    if (options_.steering.no_repeat_ngram_size > 0) {
      for (int32_t token : history) ban(token);
    }
    for (const auto& phrase : options_.steering.must_not_contain) {
      const int32_t token = phrase.back();
      if (EndsWith(history, token, phrase)) forbid(token);
    }
    for (int32_t token : options_.steering.not_first) ban(token);
    ban(tokens_.unk);
    logits[tokens_.eos] -= options_.steering.end_penalty;
    forbid(constraint.forbidden);
  }
  const float largest = kernels::LargestLogit(logits);
  if (!std::isfinite(largest)) return;
  const double log_sum =
      largest + std::log(kernels::SumOfExponentials(logits, largest));
  if (completes) {
    KeepCompletions(row, logits);
    if (!std::isfinite(kernels::LargestLogit(logits))) return;
  }
  PhraseProgress next = progress_[row];
  const int32_t token =
      constraint.only >= 0
          ? constraint.only
          : sampler_->Draw(logits, search.live()[row].origin, search.step());
  if (completes) next.place = PlaceBehind(row, token);
  AddOption(search, row, logits[token] - log_sum, token, next);
}

}  // namespace peregrine::decode
