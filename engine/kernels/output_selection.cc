// The parts of vocabulary shortlists that every device has.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "engine/kernels/kernels.h"
#include "engine/kernels/shape_checks.h"

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double LogSumExp(absl::Span<const float> logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (float logit : logits) sum += std::exp(logit - max);
  return max + std::log(sum);
}

// The best of `logits`, of the tokens of `selection`, for one row.
void PickBest(const OutputSelection& selection,
              absl::Span<const int32_t> suppressed,
              const TokenConstraint& constraint, std::vector<float>& logits,
              int k, float* log_probs, int32_t* tokens) {
  const auto forbid = [&](int32_t token) {
    const int32_t index = selection.IndexOf(token);
    if (index >= 0) logits[index] = -kInfinity;
  };
  if (constraint.forbidden_before_softmax) forbid(constraint.forbidden);
  const double log_sum = LogSumExp(logits);
  std::vector<int32_t> allowed;
  if (constraint.only >= 0) {
    const int32_t index = selection.IndexOf(constraint.only);
    if (index >= 0) allowed.push_back(index);
  } else {
    for (int32_t token : suppressed) forbid(token);
    forbid(constraint.forbidden);
    allowed.resize(logits.size());
    for (size_t i = 0; i < allowed.size(); ++i) allowed[i] = i;
  }
  const size_t best = std::min(allowed.size(), static_cast<size_t>(k));
  std::partial_sort(allowed.begin(), allowed.begin() + best, allowed.end(),
                    [&](int32_t a, int32_t b) {
                      if (logits[a] != logits[b]) return logits[a] > logits[b];
                      return a < b;
                    });
  std::fill_n(tokens, k, -1);
  std::fill_n(log_probs, k, -kInfinity);
  for (size_t i = 0; i < best && logits[allowed[i]] > -kInfinity; ++i) {
    tokens[i] = selection.tokens()[allowed[i]];
    log_probs[i] = static_cast<float>(logits[allowed[i]] - log_sum);
  }
}

}  // namespace

int32_t OutputSelection::IndexOf(int32_t token) const {
  const auto found = std::lower_bound(tokens_.begin(), tokens_.end(), token);
  if (found == tokens_.end() || *found != token) return -1;
  return static_cast<int32_t>(found - tokens_.begin());
}

absl::StatusOr<std::unique_ptr<OutputSelection>> Kernels::SelectOutputs(
    const LinearWeight& projection, absl::Span<const int32_t> tokens) {
  CheckSelectOutputs(projection, tokens);
  return std::make_unique<OutputSelection>(tokens);
}

void Kernels::SelectedTopK(const LinearWeight& projection,
                           const OutputSelection& selection, Matrix x,
                           absl::Span<const int32_t> suppressed,
                           absl::Span<const TokenConstraint> constraints,
                           Matrix logits, TopK result) {
  if (selection.tokens().size() == static_cast<size_t>(projection.out_dim())) {
    // The same bits as without a selection.
    return OutputTopK(projection, x, suppressed, constraints, logits, result);
  }
  CheckOutputTopK(projection, x, suppressed, constraints, logits, result);
  Linear(projection, x, Activation::kNone, logits);
  std::vector<float> row(logits.cols);
  std::vector<float> selected(selection.tokens().size());
  for (int r = 0; r < x.rows; ++r) {
    CopyToHost(logits.row(r), row.size() * sizeof(float), row.data());
    for (size_t i = 0; i < selected.size(); ++i) {
      selected[i] = row[selection.tokens()[i]];
    }
    PickBest(selection, suppressed, constraints[r], selected, result.k,
             result.log_probs + static_cast<size_t>(r) * result.k,
             result.tokens + static_cast<size_t>(r) * result.k);
  }
}

}  // namespace peregrine::kernels
