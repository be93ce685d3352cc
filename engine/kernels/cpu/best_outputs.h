#ifndef PEREGRINE_ENGINE_KERNELS_CPU_BEST_OUTPUTS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_BEST_OUTPUTS_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "engine/kernels/cpu/vector_ops.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// Log-softmax and top-k of OutputTopK over logits that come in blocks of
// columns, of which none has to be kept: the sum of the exponentials so far,
// relative to a reference, and the k best so far. Where the blocks begin is the
// same for every row, so that a row has the same bits in any company.
// Allocates only while the number of rows grows.
class BestOutputs {
 public:
  // A block of 240 rows of logits and its weights of depth 512 in int8 stay in
  // an L2 cache of 1 MiB together.
  static constexpr int kBlockColumns = 512;

  explicit BestOutputs(const VectorOps& ops) : ops_(ops) {}

  // The arguments of OutputTopK or, with a selection, of SelectedTopK; what
  // they point to must live until Finish.
  void Start(absl::Span<const int32_t> suppressed,
             absl::Span<const TokenConstraint> constraints,
             const OutputSelection* selection, TopK result);

  // The logits of the rows from `first_row` and the columns from `first_column`
  // on; they are overwritten. Columns come in rising order, for each row; rows
  // may be taken side by side.
  void Take(int first_row, int first_column, Matrix logits);

  // Calls work(0) to work(num_pieces - 1), in any order and by any thread.
  using ForPieces = absl::FunctionRef<void(
      int num_pieces, absl::FunctionRef<void(int piece)> work)>;
  // The same of all columns at once, with the same bits.
  void TakeAll(int first_row, Matrix logits, ForPieces for_pieces);

  // Completes the result.
  void Finish();

 private:
  // An `only` that is not among the selected tokens.
  static constexpr int32_t kUnselected = -2;

  struct Row {
    TokenConstraint constraint;  // in columns
    float reference = 0.0f;      // a logit; -infinity before the first one
    double sum = 0.0;            // of exp(logit - reference)
  };

  // Of exp(logit - reference) over a block, and its largest logit.
  struct BlockSum {
    float reference = 0.0f;
    float sum = 0.0f;
    float largest = 0.0f;
  };

  int32_t ColumnOf(int32_t token) const;
  BlockSum SumOf(const float* logits, int columns, float reference) const;
  float AddExp(const float* logits, int columns, const BlockSum* known,
               Row& row) const;
  void FindReference(Matrix logits, int r, Row& row) const;
  // `known`: the sum of the block, or null.
  void TakeRow(int row, int first_column, int columns, const BlockSum* known,
               float* logits);
  void TakeOnly(int row, int first_column, int columns, const float* logits);

  const VectorOps& ops_;
  const OutputSelection* selection_ = nullptr;
  TopK result_;
  std::vector<int32_t> suppressed_;  // columns
  std::vector<Row> rows_;
  std::vector<BlockSum> sums_;  // [rows, blocks] of TakeAll
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_BEST_OUTPUTS_H_
