#include "engine/kernels/shape_checks.h"

#include <ostream>

#include "engine/base/check.h"

namespace peregrine::kernels {
namespace {

std::ostream& operator<<(std::ostream& out, const Matrix& matrix) {
  return out << "[" << matrix.rows << ", " << matrix.cols << "]";
}

void CheckShape(const char* name, Matrix matrix, int rows, int cols) {
  PEREGRINE_CHECK(matrix.rows == rows && matrix.cols == cols)
      << name << " is " << matrix << ", expected [" << rows << ", " << cols
      << "]";
  PEREGRINE_CHECK(matrix.data != nullptr || rows == 0) << name << " is null";
}

void CheckHeads(HeadShape heads) {
  PEREGRINE_CHECK(heads.num_heads > 0 && heads.head_dim > 0)
      << heads.num_heads << " heads of " << heads.head_dim;
}

// A matrix of a cache: in one of the two types, but not in both.
void CheckCells(const char* name, const StridedMatrix& cells,
                const uint16_t* in_bfloat16, int rows, int width) {
  PEREGRINE_CHECK(cells.rows == rows && cells.cols == width)
      << name << " is [" << cells.rows << ", " << cells.cols << "], expected ["
      << rows << ", " << width << "]";
  PEREGRINE_CHECK(cells.stride >= static_cast<size_t>(width))
      << name << " are " << cells.stride
      << " elements apart, expected at least " << width;
  PEREGRINE_CHECK(rows == 0 ||
                  (cells.data != nullptr) != (in_bfloat16 != nullptr))
      << name << " is null or there twice";
}

void CheckCache(const KvCells& cache, int key_width, int value_width) {
  const int rows = cache.keys.rows;
  CheckCells("keys", cache.keys, cache.bfloat16_keys, rows, key_width);
  CheckCells("values", cache.values, cache.bfloat16_values, rows, value_width);
  PEREGRINE_CHECK((cache.bfloat16_keys != nullptr) ==
                  (cache.bfloat16_values != nullptr))
      << "keys and values of two types";
}

void CheckStepRows(const StepRows& rows) {
  PEREGRINE_CHECK(rows.num_rows >= 0 &&
                  ((rows.lengths != nullptr && rows.cells != nullptr) ||
                   rows.num_rows == 0));
}

void CheckSourceSpans(const SourceSpans& spans) {
  PEREGRINE_CHECK(spans.num_rows >= 0 &&
                  ((spans.begins != nullptr && spans.lengths != nullptr) ||
                   spans.num_rows == 0));
}

void CheckToken(int32_t token, int vocab_size) {
  PEREGRINE_CHECK(token >= -1 && token < vocab_size)
      << "token " << token << " of " << vocab_size;
}

}  // namespace

void CheckLinearSource(const LinearSource& source) {
  PEREGRINE_CHECK(source.out_dim > 0 && source.in_dim > 0)
      << source.out_dim << " x " << source.in_dim;
  const size_t size = static_cast<size_t>(source.out_dim) * source.in_dim;
  PEREGRINE_CHECK(source.read_rows != nullptr ? source.weight.empty()
                                              : source.weight.size() == size)
      << source.weight.size() << " elements for " << source.out_dim << " x "
      << source.in_dim;
  PEREGRINE_CHECK(source.bias.empty() ||
                  source.bias.size() == static_cast<size_t>(source.out_dim))
      << source.bias.size() << " biases for " << source.out_dim;
}

void CheckEmbed(const EmbeddingTable& table, Matrix y) {
  PEREGRINE_CHECK((table.table != nullptr) + (table.bfloat16_table != nullptr) +
                      (table.int8_table != nullptr) ==
                  1)
      << "the table is there in none or in several types";
  PEREGRINE_CHECK((table.int8_scales != nullptr) ==
                  (table.int8_table != nullptr));
  PEREGRINE_CHECK(table.positions != nullptr);
  CheckShape("y", y, y.rows, y.cols);
}

void CheckLayerNorm(const NormWeight& norm, Matrix x, Matrix y) {
  PEREGRINE_CHECK(norm.gain != nullptr);
  PEREGRINE_CHECK(x.cols > 0);
  CheckShape("x", x, x.rows, x.cols);
  CheckShape("y", y, x.rows, x.cols);
}

void CheckActivateGated(Matrix projected, Matrix y) {
  CheckShape("projected", projected, y.rows, 2 * y.cols);
  CheckShape("y", y, y.rows, y.cols);
}

void CheckLinear(const LinearWeight& weight, Matrix x, Matrix y) {
  CheckShape("x", x, x.rows, weight.in_dim());
  CheckShape("y", y, x.rows, weight.out_dim());
}

void CheckEncoderAttention(HeadShape heads, const PackedSequences& sequences,
                           Matrix qkv, Matrix context) {
  CheckHeads(heads);
  PEREGRINE_CHECK(
      sequences.num_sequences >= 0 &&
      (sequences.offsets != nullptr || sequences.num_sequences == 0));
  CheckShape("qkv", qkv, qkv.rows, 3 * heads.width());
  CheckShape("context", context, qkv.rows, heads.width());
}

void CheckSelfAttentionStep(HeadShape heads, const StepRows& rows, Matrix qkv,
                            const KvCells& cache, Matrix context) {
  CheckHeads(heads);
  CheckCache(cache, heads.width(), heads.width());
  CheckStepRows(rows);
  CheckShape("qkv", qkv, rows.num_rows, 3 * heads.width());
  CheckShape("context", context, rows.num_rows, heads.width());
}

void CheckStoreKeysValues(Matrix kv, const KvCells& cache) {
  CheckShape("kv", kv, kv.rows, cache.keys.cols + cache.values.cols);
  CheckCache(cache, cache.keys.cols, cache.values.cols);
}

void CheckCrossAttentionStep(HeadShape heads, const SourceSpans& spans,
                             Matrix queries, const KvCells& cache,
                             Matrix context) {
  CheckHeads(heads);
  PEREGRINE_CHECK(heads.bias.table == nullptr);
  CheckCache(cache, heads.width(), heads.width());
  CheckSourceSpans(spans);
  CheckShape("queries", queries, spans.num_rows, heads.width());
  CheckShape("context", context, spans.num_rows, heads.width());
}

void CheckCompressedAttentionStep(HeadShape heads, const CompressedCells& cells,
                                  Matrix projected, Matrix context) {
  CheckHeads(heads);
  PEREGRINE_CHECK(heads.bias.table == nullptr);
  CheckSourceSpans(cells.spans);
  CheckStepRows(cells.rows);
  PEREGRINE_CHECK(cells.spans.num_rows == cells.rows.num_rows)
      << cells.spans.num_rows << " source spans for " << cells.rows.num_rows
      << " rows";
  const int value_width = cells.target.values.cols;
  PEREGRINE_CHECK(value_width > 0 && value_width % heads.num_heads == 0)
      << "values of " << value_width << " for " << heads.num_heads << " heads";
  for (const KvCells* cache : {&cells.source, &cells.target}) {
    CheckCache(*cache, heads.width(), value_width);
  }
  PEREGRINE_CHECK((cells.source.bfloat16_keys != nullptr) ==
                  (cells.target.bfloat16_keys != nullptr))
      << "source and target cells of two types";
  CheckShape("projected", projected, cells.rows.num_rows,
             2 * heads.width() + 2 * value_width);
  CheckShape("context", context, cells.rows.num_rows, value_width);
}

void CheckAverageStep(const StepRows& rows, Matrix x, Matrix states,
                      Matrix mean) {
  CheckStepRows(rows);
  CheckShape("x", x, rows.num_rows, states.cols);
  CheckShape("states", states, states.rows, states.cols);
  CheckShape("mean", mean, rows.num_rows, states.cols);
}

void CheckSsruStep(const StepRows& rows, Matrix projected, Matrix states,
                   Matrix y) {
  CheckStepRows(rows);
  CheckShape("projected", projected, rows.num_rows, 2 * states.cols);
  CheckShape("states", states, states.rows, states.cols);
  CheckShape("y", y, rows.num_rows, states.cols);
}

void CheckAddGated(const Gated& a, const Gated& b, Matrix y) {
  for (const Gated* gated : {&a, &b}) {
    CheckShape("gate", gated->gate, y.rows, y.cols);
    CheckShape("value", gated->value, y.rows, y.cols);
  }
  CheckShape("y", y, y.rows, y.cols);
}

void CheckOutputTopK(const LinearWeight& projection, Matrix x,
                     absl::Span<const int32_t> suppressed,
                     absl::Span<const TokenConstraint> constraints,
                     Matrix logits, const TopK& result) {
  const int vocab_size = projection.out_dim();
  CheckShape("x", x, x.rows, projection.in_dim());
  CheckShape("logits", logits, x.rows, vocab_size);
  PEREGRINE_CHECK(constraints.size() == static_cast<size_t>(x.rows))
      << constraints.size() << " constraints for " << x.rows << " rows";
  PEREGRINE_CHECK(result.k > 0) << result.k;
  PEREGRINE_CHECK((result.log_probs != nullptr && result.tokens != nullptr) ||
                  x.rows == 0);
  for (int32_t token : suppressed) CheckToken(token, vocab_size);
  for (const TokenConstraint& constraint : constraints) {
    CheckToken(constraint.only, vocab_size);
    CheckToken(constraint.forbidden, vocab_size);
  }
}

void CheckSelectOutputs(const LinearWeight& projection,
                        absl::Span<const int32_t> tokens) {
  PEREGRINE_CHECK(!tokens.empty()) << "no output selected";
  int32_t previous = -1;
  for (int32_t token : tokens) {
    CheckToken(token, projection.out_dim());
    PEREGRINE_CHECK(token > previous)
        << "selected output " << token << " after " << previous;
    previous = token;
  }
}

}  // namespace peregrine::kernels
