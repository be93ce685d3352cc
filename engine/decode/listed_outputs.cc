#include "engine/decode/listed_outputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/logit_row.h"

namespace peregrine::decode {
namespace {

using kernels::TokenConstraint;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
// log(e^a + e^b)
double LogOfSum(double a, double b) {
  const double larger = std::max(a, b);
  if (!std::isfinite(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

// -infinity where there is no number.
double LogSumExp(absl::Span<const float> row) {
  const float largest = kernels::LargestLogit(row);
  if (!std::isfinite(largest)) return largest;
  return largest + std::log(kernels::SumOfExponentials(row, largest));
}

}  // namespace

HostOutputs::HostOutputs(kernels::Kernels& kernels, int vocab_size)
    : kernels_(kernels), row_(vocab_size) {}

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
    const double log_rest = LogSumExp(row);
    double log_sum = log_rest;
    for (int32_t i = listed.offsets[r]; i < listed.offsets[r + 1]; ++i) {
      log_sum = LogOfSum(log_sum, listed.log_probs[i]);
    }
    for (int32_t i = listed.offsets[r]; i < listed.offsets[r + 1]; ++i) {
      listed.log_probs[i] = static_cast<float>(listed.log_probs[i] - log_sum);
    }
    listed.log_sums[r] = static_cast<float>(log_sum);
    listed.log_rests[r] = static_cast<float>(log_rest - log_sum);
    const size_t first = static_cast<size_t>(r) * k;
    int32_t* const tokens = result.tokens + first;
    float* const log_probs = result.log_probs + first;
    if (constraint.only >= 0) {
      if (!(row[constraint.only] > -kInfinity)) return;
      tokens[0] = constraint.only;
      log_probs[0] = row[constraint.only];
    } else {
      for (int32_t token : rows.suppressed) forbid(token);
      forbid(constraint.forbidden);
      kernels::BestLogits(row, k, log_probs, tokens);
    }
    for (int i = 0; i < k && tokens[i] >= 0; ++i) {
      log_probs[i] = static_cast<float>(log_probs[i] - log_sum);
    }
  });
}

}  // namespace peregrine::decode
