#include "engine/decode/listed_outputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace peregrine::decode {
namespace {

using kernels::TokenConstraint;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kLanes = 16;  // sums side by side, so that loops are vectors

// e^x for x <= 0, to a part in 10^7: 2^n by its bits, and a polynomial for what
// is left (Cephes, expf). A plain loop over it becomes vector instructions.
inline float ExpOfNegative(float x) {
  x = std::max(x, -87.0f);
  const float n = std::floor(x * 1.44269504f + 0.5f);
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

float LogSumExp(absl::Span<const float> logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  if (!std::isfinite(largest)) return largest;
  float lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= logits.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] += ExpOfNegative(logits[i + lane] - largest);
    }
  }
  double sum = 0.0;
  for (float lane : lanes) sum += lane;
  for (; i < logits.size(); ++i) sum += ExpOfNegative(logits[i] - largest);
  return static_cast<float>(largest + std::log(sum));
}

// log(e^a + e^b)
double LogOfSum(double a, double b) {
  const double larger = std::max(a, b);
  if (!std::isfinite(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

}  // namespace

HostOutputs::HostOutputs(kernels::Kernels& kernels, int vocab_size)
    : kernels_(kernels), row_(vocab_size) {
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
      // One pass that keeps the k best: few of a row are among them.
      const auto better = [&](int32_t a, int32_t b) {
        return row[a] != row[b] ? row[a] > row[b] : a < b;
      };
      float least = -kInfinity;
      for (size_t token = 0; token < row.size(); ++token) {
        if (!(row[token] > least)) continue;
        const auto at = std::upper_bound(order_.begin(), order_.end(),
                                         static_cast<int32_t>(token), better);
        order_.insert(at, static_cast<int32_t>(token));
        if (order_.size() > static_cast<size_t>(k)) order_.pop_back();
        if (order_.size() == static_cast<size_t>(k)) least = row[order_.back()];
      }
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
