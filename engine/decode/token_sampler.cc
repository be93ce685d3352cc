#include "engine/decode/token_sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/logit_row.h"

namespace peregrine::decode {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// As many best are found without sorting.
constexpr size_t kFewTokens = 64;
// So many more are looked at where these do not have top_p together.
constexpr size_t kGrowth = 16;
// Tokens whose weights are added up at a time.
constexpr size_t kBlock = 512;

// Uniform in [0, 1), from the bits of its arguments alone (SplitMix64, Steele
// et al. 2014): so a draw depends on nobody's company.
double Uniform(uint64_t seed, uint64_t sample, uint64_t step) {
  uint64_t z = seed;
  for (uint64_t part : {sample, step}) {
    z += 0x9e3779b97f4a7c15 * (part + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z ^= z >> 31;
  }
  return static_cast<double>(z >> 11) * 0x1.0p-53;
}

}  // namespace

TokenSampler::TokenSampler(const Sampling& sampling, int vocab_size)
    : sampling_(sampling),
      scaled_(vocab_size),
      best_logits_(kFewTokens),
      best_tokens_(kFewTokens) {
  entries_.reserve(vocab_size);
  block_sums_.reserve(vocab_size / kBlock + 1);
}

int32_t TokenSampler::Draw(absl::Span<const float> logits, uint64_t sample,
                           uint64_t step) {
  const float largest = kernels::LargestLogit(logits);
  const double uniform = Uniform(sampling_.seed, sample, step);
  if (sampling_.top_k == 0 && sampling_.top_p >= 1.0f) {
    return DrawOfAll(logits, largest, uniform);
  }
  KeepLikely(logits, largest);
  double sum = 0.0;
  for (const Entry& entry : entries_) sum += entry.weight;
  double left = sum * uniform;
  for (const Entry& entry : entries_) {
    if (left < entry.weight) return entry.token;
    left -= entry.weight;
  }
  return entries_.back().token;
}

// The `count` best, in entries_; fewer where there are no more.
void TokenSampler::KeepBest(absl::Span<const float> logits, size_t count) {
  entries_.clear();
  if (count <= kFewTokens) {
    kernels::BestLogits(logits, static_cast<int>(count), best_logits_.data(),
                        best_tokens_.data());
    for (size_t i = 0; i < count && best_tokens_[i] >= 0; ++i) {
      entries_.push_back({best_logits_[i], best_tokens_[i]});
    }
    return;
  }
  for (size_t token = 0; token < logits.size(); ++token) {
    if (!(logits[token] > -kInfinity)) continue;
    entries_.push_back({logits[token], static_cast<int32_t>(token)});
  }
  const auto better = [](const Entry& a, const Entry& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  if (count < entries_.size()) {
    std::nth_element(entries_.begin(), entries_.begin() + count, entries_.end(),
                     better);
    entries_.resize(count);
  }
  std::sort(entries_.begin(), entries_.end(), better);
}

// Gives entries_ their weights, which are relative to that of the largest
// logit. Returns their sum.
double TokenSampler::Weigh(float largest) {
  double sum = 0.0;
  for (Entry& entry : entries_) {
    entry.weight =
        std::exp((double{entry.logit} - largest) / sampling_.temperature);
    sum += entry.weight;
  }
  return sum;
}

// In block_sums_ too, of blocks; those of scaled_, which are filled in.
double TokenSampler::WeightOfAll(absl::Span<const float> logits,
                                 float largest) {
  const float factor = 1.0f / sampling_.temperature;
  for (size_t i = 0; i < logits.size(); ++i) {
    scaled_[i] = (logits[i] - largest) * factor;
  }
  block_sums_.clear();
  double sum = 0.0;
  const absl::Span<const float> scaled(scaled_.data(), logits.size());
  for (size_t at = 0; at < scaled.size(); at += kBlock) {
    block_sums_.push_back(
        kernels::SumOfExponentials(scaled.subspan(at, kBlock), 0.0f));
    sum += block_sums_.back();
  }
  return sum;
}

// First a block, then a token in it.
int32_t TokenSampler::DrawOfAll(absl::Span<const float> logits, float largest,
                                double uniform) {
  double left = uniform * WeightOfAll(logits, largest);
  size_t block = 0;
  while (block + 1 < block_sums_.size() && left >= block_sums_[block]) {
    left -= block_sums_[block++];
  }
  int32_t last = -1;
  // What rounding leaves over goes to the last one, or to the best.
  for (size_t i = block * kBlock;
       i < std::min(logits.size(), (block + 1) * kBlock); ++i) {
    if (!(logits[i] > -kInfinity)) continue;
    const double weight = std::exp(double{scaled_[i]});
    last = static_cast<int32_t>(i);
    if (left < weight) return last;
    left -= weight;
  }
  if (last >= 0) return last;
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) -
                              logits.begin());
}

// In entries_, the top_k best, or of these or of all the fewest that have top_p
// together.
void TokenSampler::KeepLikely(absl::Span<const float> logits, float largest) {
  const size_t most = sampling_.top_k > 0
                          ? std::min<size_t>(sampling_.top_k, logits.size())
                          : logits.size();
  const bool is_of_all = sampling_.top_k == 0;
  const double of_all = is_of_all ? WeightOfAll(logits, largest) : 0.0;
  size_t count = is_of_all ? std::min(kFewTokens, most) : most;
  while (true) {
    KeepBest(logits, count);
    const double sum = Weigh(largest);
    if (sampling_.top_p >= 1.0f) return;
    const double wanted = sampling_.top_p * (is_of_all ? of_all : sum);
    if (sum >= wanted || count >= most) {
      double kept = 0.0;
      size_t likely = 0;
      while (likely < entries_.size() && kept < wanted) {
        kept += entries_[likely++].weight;
      }
      entries_.resize(std::max<size_t>(likely, 1));
      return;
    }
    count = std::min(count * kGrowth, most);
  }
}

}  // namespace peregrine::decode
