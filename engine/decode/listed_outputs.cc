#include "engine/decode/listed_outputs.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace peregrine::decode {
namespace {

using kernels::TokenConstraint;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// Side by side, so that loops are several vectors at a time.
constexpr size_t kLanes = HostOutputs::kLanes;

// Loops over a vocabulary, for each width of vectors that a CPU may have. The
// results are the same: no multiplication is fused with an addition here.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PEREGRINE_WIDEST_VECTORS \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PEREGRINE_WIDEST_VECTORS
#endif

// e^x for x <= 0, to a part in 10^7: 2^n by its bits, and a polynomial for what
// is left (Cephes, expf). A plain loop over it becomes vector instructions.
__attribute__((always_inline)) inline float ExpOfNegative(float x) {
  constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23
  x = x < -87.0f ? -87.0f : x;              // NaN stays
  const float n = (x * 1.44269504f + kRounding) - kRounding;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const float mantissa = p * r * r + r + 1.0f;
  const auto bits = static_cast<uint32_t>(static_cast<int32_t>(n) + 127) << 23;
  float power;
  static_assert(sizeof(power) == sizeof(bits));
  __builtin_memcpy(&power, &bits, sizeof(power));
  return mantissa * power;
}

// Of whole blocks of lanes.
PEREGRINE_WIDEST_VECTORS
void LargestOfLanes(const float* x, size_t count, float* lanes) {
  for (size_t i = 0; i < count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
  }
}

PEREGRINE_WIDEST_VECTORS
void AddExponentials(const float* x, size_t count, float largest,
                     float* lanes) {
  for (size_t i = 0; i < count; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += ExpOfNegative(x[i + lane] - largest);
    }
  }
}

// Which blocks of lanes hold a number from `least` on.
PEREGRINE_WIDEST_VECTORS
void MarkBlocks(const float* x, size_t count, float least, uint8_t* marks) {
  for (size_t i = 0; i < count; i += kLanes) {
    int found = 0;
    for (size_t lane = 0; lane < kLanes; ++lane) found += x[i + lane] >= least;
    marks[i / kLanes] = found > 0;
  }
}

}  // namespace

// The largest is -infinity where there is no number.
float HostOutputs::LogSumExp(absl::Span<const float> logits) {
  std::fill_n(lanes_, kLanes, -kInfinity);
  const size_t whole = logits.size() / kLanes * kLanes;
  LargestOfLanes(logits.data(), whole, lanes_);
  for (size_t i = whole; i < logits.size(); ++i) {
    float& lane = lanes_[i - whole];
    lane = logits[i] > lane ? logits[i] : lane;
  }
  const float largest = *std::max_element(lanes_, lanes_ + kLanes);
  if (!std::isfinite(largest)) return largest;
  float sums[kLanes] = {};
  AddExponentials(logits.data(), whole, largest, sums);
  double sum = 0.0;
  for (float lane : sums) sum += lane;
  for (size_t i = whole; i < logits.size(); ++i) {
    sum += ExpOfNegative(logits[i] - largest);
  }
  return static_cast<float>(largest + std::log(sum));
}

namespace {

// log(e^a + e^b)
double LogOfSum(double a, double b) {
  const double larger = std::max(a, b);
  if (!std::isfinite(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

}  // namespace

HostOutputs::HostOutputs(kernels::Kernels& kernels, int vocab_size)
    : kernels_(kernels), row_(vocab_size), marks_(vocab_size / kLanes + 1) {
  order_.reserve(vocab_size);
}

// -infinity for all tokens that are not selected.
void HostOutputs::KeepSelected(const kernels::OutputSelection& selection) {
  int32_t next = 0;
  for (int32_t token : selection.tokens()) {
    std::fill(row_.begin() + next, row_.begin() + token, -kInfinity);
    next = token + 1;
  }
  std::fill(row_.begin() + next, row_.end(), -kInfinity);
}

void HostOutputs::ForEachRow(
    const Rows& rows,
    absl::FunctionRef<void(int row, absl::Span<float> logits)> use) {
  kernels_.Linear(rows.projection, rows.x, kernels::Activation::kNone,
                  rows.logits);
  for (int r = 0; r < rows.x.rows; ++r) {
    kernels_.CopyToHost(rows.logits.row(r), row_.size() * sizeof(float),
                        row_.data());
    if (rows.selection != nullptr) KeepSelected(*rows.selection);
    for (int32_t token : rows.suppressed) row_[token] = -kInfinity;
    use(r, absl::MakeSpan(row_));
  }
}

// At least as many numbers of the row of the last LogSumExp are as large: the
// largest of each lane are there.
float HostOutputs::LowerBound(size_t rank) const {
  if (rank > kLanes) return -kInfinity;
  float lanes[kLanes];
  std::copy_n(lanes_, kLanes, lanes);
  std::nth_element(lanes, lanes + rank - 1, lanes + kLanes,
                   std::greater<float>());
  return lanes[rank - 1];
}

// In order_, of those from `least` on.
void HostOutputs::KeepBest(absl::Span<const float> row, size_t k, float least) {
  const auto better = [&](int32_t a, int32_t b) {
    return row[a] != row[b] ? row[a] > row[b] : a < b;
  };
  const size_t whole = row.size() / kLanes * kLanes;
  MarkBlocks(row.data(), whole, least, marks_.data());
  marks_.back() = 1;  // what is left
  for (size_t begin = 0; begin < row.size(); begin += kLanes) {
    if (marks_[begin / kLanes] == 0) continue;
    const size_t end = std::min(begin + kLanes, row.size());
    for (size_t token = begin; token < end; ++token) {
      if (!(row[token] >= least) || !(row[token] > -kInfinity)) continue;
      if (order_.size() == k && !(row[token] > row[order_.back()])) continue;
      const auto at = std::upper_bound(order_.begin(), order_.end(),
                                       static_cast<int32_t>(token), better);
      order_.insert(at, static_cast<int32_t>(token));
      if (order_.size() > k) order_.pop_back();
    }
  }
}

void HostOutputs::TopK(const Rows& rows,
                       absl::Span<const TokenConstraint> constraints,
                       const ListedTokens& listed,
                       const kernels::TopK& result) {
  const int k = result.k;
  std::fill_n(result.tokens, static_cast<size_t>(rows.x.rows) * k, -1);
  std::fill_n(result.log_probs, static_cast<size_t>(rows.x.rows) * k,
              -kInfinity);
  Rows unsuppressed = rows;
  unsuppressed.suppressed = {};
  ForEachRow(unsuppressed, [&](int r, absl::Span<float> row) {
    const TokenConstraint& constraint = constraints[r];
    const auto forbid = [&](int32_t token) {
      if (token >= 0) row[token] = -kInfinity;
    };
    if (constraint.forbidden_before_softmax) forbid(constraint.forbidden);
    for (int32_t i = listed.offsets[r]; i < listed.offsets[r + 1]; ++i) {
      float& logit = row[listed.tokens[i]];
      listed.log_probs[i] = logit;
      logit = -kInfinity;
    }
    // The others first: next to a token that has nearly all, what they have
    // would be lost in rounding.
    const float log_rest = LogSumExp(row);
    double log_sum = log_rest;
    for (int32_t i = listed.offsets[r]; i < listed.offsets[r + 1]; ++i) {
      log_sum = LogOfSum(log_sum, listed.log_probs[i]);
    }
    for (int32_t i = listed.offsets[r]; i < listed.offsets[r + 1]; ++i) {
      listed.log_probs[i] = static_cast<float>(listed.log_probs[i] - log_sum);
    }
    listed.log_sums[r] = static_cast<float>(log_sum);
    listed.log_rests[r] = static_cast<float>(log_rest - log_sum);
    order_.clear();
    if (constraint.only >= 0) {
      order_.push_back(constraint.only);
    } else {
      for (int32_t token : rows.suppressed) forbid(token);
      forbid(constraint.forbidden);
      // Of those that the bound counts, the forbidden ones are none.
      KeepBest(row, k, LowerBound(k + rows.suppressed.size() + 1));
    }
    const size_t first = static_cast<size_t>(r) * k;
    for (size_t i = 0; i < order_.size(); ++i) {
      if (!(row[order_[i]] > -kInfinity)) break;
      result.tokens[first + i] = order_[i];
      result.log_probs[first + i] =
          static_cast<float>(row[order_[i]] - log_sum);
    }
  });
}

}  // namespace peregrine::decode
