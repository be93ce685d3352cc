#include "engine/kernels/cpu/best_outputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace peregrine::kernels {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// -infinity for what may not follow, so that the best are found by value alone.
void Suppress(int32_t column, int first_column, int columns, float* logits) {
  const int32_t index = column - first_column;
  if (index >= 0 && index < columns) logits[index] = -kInfinity;
}

}  // namespace

int32_t BestOutputs::ColumnOf(int32_t token) const {
  if (token < 0 || selection_ == nullptr) return token;
  return selection_->IndexOf(token);
}

void BestOutputs::Start(absl::Span<const int32_t> suppressed,
                        absl::Span<const TokenConstraint> constraints,
                        const OutputSelection* selection, TopK result) {
  selection_ = selection;
  result_ = result;
  suppressed_.clear();
  for (int32_t token : suppressed) {
    const int32_t column = ColumnOf(token);
    if (column >= 0) suppressed_.push_back(column);
  }
  rows_.clear();
  for (const TokenConstraint& constraint : constraints) {
    Row& row = rows_.emplace_back();
    row.constraint = constraint;
    row.constraint.forbidden = ColumnOf(constraint.forbidden);
    if (constraint.only >= 0) {
      const int32_t column = ColumnOf(constraint.only);
      row.constraint.only = column >= 0 ? column : kUnselected;
    }
    row.reference = -kInfinity;
  }
  const size_t count = rows_.size() * result.k;
  std::fill_n(result.log_probs, count, -kInfinity);
  std::fill_n(result.tokens, count, -1);
}

void BestOutputs::Take(int first_row, int first_column, Matrix logits) {
  for (int r = 0; r < logits.rows; ++r) {
    TakeRow(first_row + r, first_column, logits.cols, logits.row(r));
  }
}

// Adds the exponentials of a block to the row; returns its largest logit. The
// reference is the largest logit of the first block, as long as no later one
// is far above: so most blocks are read once for both.
float BestOutputs::AddExp(const float* logits, int columns, Row& row) const {
  constexpr float kFar = 60.0f;  // 512 e^60 is still a float
  if (row.reference == -kInfinity) {
    row.reference = ops_.largest(logits, columns);
    if (row.reference == -kInfinity) return row.reference;
  }
  float largest;
  float sum = ops_.sum_of_exp(logits, columns, row.reference, &largest);
  if (largest > row.reference + kFar) {
    row.sum *= std::exp(double{row.reference} - largest);
    row.reference = largest;
    sum = ops_.sum_of_exp(logits, columns, row.reference, &largest);
  }
  row.sum += sum;
  return largest;
}

void BestOutputs::TakeRow(int row, int first_column, int columns,
                          float* logits) {
  Row& state = rows_[row];
  const TokenConstraint& constraint = state.constraint;
  if (constraint.forbidden_before_softmax) {
    Suppress(constraint.forbidden, first_column, columns, logits);
  }
  const float largest = AddExp(logits, columns, state);
  if (largest == -kInfinity) return;
  if (constraint.only != -1) {
    return TakeOnly(row, first_column, columns, logits);
  }
  const size_t first = static_cast<size_t>(row) * result_.k;
  const int k = result_.wanted == nullptr ? result_.k : result_.wanted[row];
  float* const values = result_.log_probs + first;
  int32_t* const indices = result_.tokens + first;
  if (!(largest > values[k - 1])) return;
  for (int32_t column : suppressed_) {
    Suppress(column, first_column, columns, logits);
  }
  Suppress(constraint.forbidden, first_column, columns, logits);
  ops_.top_k(logits, columns, first_column, k, values, indices);
}

void BestOutputs::TakeOnly(int row, int first_column, int columns,
                           const float* logits) {
  const int32_t only = rows_[row].constraint.only;
  const int32_t index = only - first_column;
  if (index < 0 || index >= columns || logits[index] == -kInfinity) return;
  const size_t first = static_cast<size_t>(row) * result_.k;
  result_.log_probs[first] = logits[index];
  result_.tokens[first] = only;
}

void BestOutputs::Finish() {
  for (size_t r = 0; r < rows_.size(); ++r) {
    const auto log_sum =
        static_cast<float>(rows_[r].reference + std::log(rows_[r].sum));
    for (size_t i = r * result_.k; i < (r + 1) * result_.k; ++i) {
      int32_t& token = result_.tokens[i];
      if (token < 0) continue;
      result_.log_probs[i] -= log_sum;
      if (selection_ != nullptr) token = selection_->tokens()[token];
    }
  }
}

}  // namespace peregrine::kernels
