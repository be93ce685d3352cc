#include "engine/decode/phrase_constraints.h"

#include <algorithm>

namespace peregrine::decode {
namespace {

uint64_t AllOf(size_t phrases) {
  return phrases == 64 ? ~uint64_t{0} : (uint64_t{1} << phrases) - 1;
}

int BankOf(const PhraseProgress& progress) {
  return __builtin_popcountll(progress.met);
}

}  // namespace

PhraseConstraints::PhraseConstraints(
    const std::vector<std::vector<int32_t>>& phrases, bool in_order)
    : phrases_(phrases), in_order_(in_order), all_(AllOf(phrases.size())) {
  for (size_t i = 0; i < phrases_.size(); ++i) {
    int equal = static_cast<int>(i) - 1;
    while (equal >= 0 && phrases_[equal] != phrases_[i]) --equal;
    earlier_equal_.push_back(equal);
  }
  tail_scores_.resize(phrases_.size());
  placed_.resize(phrases_.size() + 1);
}

int PhraseConstraints::NumMissing(const PhraseProgress& progress) const {
  int missing = 0;
  for (size_t i = 0; i < phrases_.size(); ++i) {
    if (!IsMet(progress, i)) missing += static_cast<int>(phrases_[i].size());
  }
  if (progress.begun >= 0) {
    missing +=
        static_cast<int>(phrases_[progress.begun].size()) - progress.position;
  }
  return missing;
}

int32_t PhraseConstraints::ForcedToken(const PhraseProgress& progress) const {
  return progress.begun < 0 ? -1 : phrases_[progress.begun][progress.position];
}

PhraseProgress PhraseConstraints::Begin(const PhraseProgress& progress,
                                        int phrase, size_t size,
                                        double score) const {
  PhraseProgress next = progress;
  next.met |= uint64_t{1} << phrase;
  if (phrases_[phrase].size() == 1) {
    next.taken = size + 1;
  } else {
    next.begun = phrase;
    next.position = 1;
    next.begun_score = score;
  }
  return next;
}

PhraseProgress PhraseConstraints::Follow(const PhraseProgress& progress,
                                         size_t size) const {
  PhraseProgress next = progress;
  const auto last = static_cast<int>(phrases_[progress.begun].size());
  if (++next.position == last) {
    next.begun = -1;
    next.taken = size + 1;
  }
  return next;
}

bool PhraseConstraints::Ends(absl::Span<const int32_t> history, int32_t token,
                             const std::vector<int32_t>& phrase) {
  return token == phrase.back() && history.size() + 1 >= phrase.size() &&
         std::equal(phrase.begin(), phrase.end() - 1,
                    history.end() - (phrase.size() - 1));
}

bool PhraseConstraints::Add(absl::Span<const int32_t> history, int32_t token,
                            PhraseProgress& progress) const {
  bool is_spelled = false;
  for (size_t i = 0; i < phrases_.size(); ++i) {
    // Phrases do not overlap.
    if (!Ends(history, token, phrases_[i]) ||
        history.size() + 1 < progress.taken + phrases_[i].size()) {
      continue;
    }
    is_spelled = true;
    if (IsMet(progress, i)) continue;
    const uint64_t earlier = (uint64_t{1} << i) - 1;
    if (in_order_ && (progress.met & earlier) != earlier) return false;
    progress.met |= uint64_t{1} << i;
    progress.taken = history.size() + 1;
    return true;
  }
  return !is_spelled;
}

double PhraseConstraints::Rank(const PhraseProgress& progress,
                               double score) const {
  if (progress.begun < 0) return score;
  return std::min(score, progress.begun_score + tail_scores_[progress.begun]);
}

void PhraseConstraints::Learn(const PhraseProgress& before, double score) {
  if (before.begun < 0) return;
  const auto size = static_cast<int>(phrases_[before.begun].size());
  if (before.position + 1 < size) return;
  double& known = tail_scores_[before.begun];
  const double tail = score - before.begun_score;
  if (known == 0.0 || tail > known) known = tail;
}

void PhraseConstraints::Allocate(size_t count,
                                 std::vector<PhraseOption>& options) {
  std::sort(options.begin(), options.end(),
            [](const PhraseOption& a, const PhraseOption& b) {
              if (a.rank != b.rank) return a.rank > b.rank;
              if (a.hypothesis != b.hypothesis) {
                return a.hypothesis < b.hypothesis;
              }
              if (a.token != b.token) return a.token < b.token;
              // A beam of one begins what it would say anyway.
              return a.progress.met > b.progress.met;
            });
  // Sorted by rank, the n-th of its bank goes to stripe n. Inside a stripe the
  // order by rank stays: a stable sort without memory, as there are few.
  std::fill(placed_.begin(), placed_.end(), 0);
  stripes_.clear();
  for (const PhraseOption& option : options) {
    stripes_.push_back(placed_[BankOf(option.progress)]++);
  }
  size_t chosen = 0;
  for (int stripe = 0; chosen < std::min(count, options.size()); ++stripe) {
    for (size_t i = chosen; i < options.size() && chosen < count; ++i) {
      if (stripes_[i] != stripe) continue;
      std::rotate(options.begin() + chosen, options.begin() + i,
                  options.begin() + i + 1);
      std::rotate(stripes_.begin() + chosen, stripes_.begin() + i,
                  stripes_.begin() + i + 1);
      ++chosen;
    }
  }
  options.resize(chosen);
}

}  // namespace peregrine::decode
