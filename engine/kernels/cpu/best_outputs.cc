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
    TakeRow(first_row + r, first_column, logits.cols, /*known=*/nullptr,
            logits.row(r));
  }
}

void BestOutputs::TakeAll(int first_row, Matrix logits, ForPieces for_pieces) {
  const int blocks = (logits.cols + kBlockColumns - 1) / kBlockColumns;
  const auto columns = [&](int block) {
    return std::min(kBlockColumns, logits.cols - block * kBlockColumns);
  };
  sums_.resize(static_cast<size_t>(logits.rows) * blocks);
  for (int r = 0; r < logits.rows; ++r) {
    FindReference(logits, r, rows_[first_row + r]);
  }
  for_pieces(blocks, [&](int block) {
    for (int r = 0; r < logits.rows; ++r) {
      sums_[r * blocks + block] =
          SumOf(logits.row(r) + block * kBlockColumns, columns(block),
                rows_[first_row + r].reference);
    }
  });
  for (int r = 0; r < logits.rows; ++r) {
    for (int block = 0; block < blocks; ++block) {
      const int begin = block * kBlockColumns;
      TakeRow(first_row + r, begin, columns(block), &sums_[r * blocks + block],
              logits.row(r) + begin);
    }
  }
}

// That which AddExp will find when it comes to the blocks one after another.
void BestOutputs::FindReference(Matrix logits, int r, Row& row) const {
  if (row.constraint.forbidden_before_softmax) {
    Suppress(row.constraint.forbidden, 0, logits.cols, logits.row(r));
  }
  for (int begin = 0; begin < logits.cols && row.reference == -kInfinity;
       begin += kBlockColumns) {
    row.reference = ops_.largest(logits.row(r) + begin,
                                 std::min(kBlockColumns, logits.cols - begin));
  }
}

BestOutputs::BlockSum BestOutputs::SumOf(const float* logits, int columns,
                                         float reference) const {
  BlockSum block;
  block.reference = reference;
  block.sum = ops_.sum_of_exp(logits, columns, reference, &block.largest);
  return block;
}

// Adds the exponentials of a block to the row; returns its largest logit. The
// reference is the largest logit of the first block, as long as no later one
// is far above: so most blocks are read once for both.
float BestOutputs::AddExp(const float* logits, int columns,
                          const BlockSum* known, Row& row) const {
  constexpr float kFar = 60.0f;  // 512 e^60 is still a float
  if (row.reference == -kInfinity) {
    row.reference = ops_.largest(logits, columns);
    if (row.reference == -kInfinity) return row.reference;
  }
  BlockSum block = known != nullptr && known->reference == row.reference
                       ? *known
                       : SumOf(logits, columns, row.reference);
  if (block.largest > row.reference + kFar) {
    row.sum *= std::exp(double{row.reference} - block.largest);
    row.reference = block.largest;
    block = SumOf(logits, columns, row.reference);
  }
  row.sum += block.sum;
  return block.largest;
}

void BestOutputs::TakeRow(int row, int first_column, int columns,
                          const BlockSum* known, float* logits) {
  Row& state = rows_[row];
  const TokenConstraint& constraint = state.constraint;
  if (constraint.forbidden_before_softmax) {
    Suppress(constraint.forbidden, first_column, columns, logits);
  }
  const float largest = AddExp(logits, columns, known, state);
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
