#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ATTENTION_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ATTENTION_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector/multiply.h"
#include "engine/kernels/cpu/vector/rows.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

template <class V>
inline size_t RoundUpToVector(size_t count) {
  return (count + V::kWidth - 1) / V::kWidth * V::kWidth;
}

// scores = exp(scale (scores - max)), unnormalised; returns 1 / their sum.
// What lies between `length` and the end of its vector becomes zero.
template <class V>
inline float ExpOfScores(float scale, int length, float* scores) {
  const auto max = V::Set(LargestOfRow<V>(scores, length));
  const auto factor = V::Set(scale);
  auto sum = V::Zero();
  for (int i = 0; i < length; i += V::kWidth) {
    auto exp = Exp<V>(V::Mul(V::Sub(V::Load(scores + i), max), factor));
    if (length - i < V::kWidth) exp = V::KeepPart(exp, V::Zero(), length - i);
    sum = V::Add(sum, exp);
    V::Store(scores + i, exp);
  }
  return 1.0f / V::Sum(sum);
}

// Attention of all positions of one sequence to each other, one head: two
// products of register tiles with the softmax of a few rows in L1 between them.
template <class V>
class SequenceAttention {
 public:
  static size_t ScratchFloats(int length, int head_dim) {
    const size_t positions = RoundUpToVector<V>(length);
    const size_t dims = RoundUpToVector<V>(head_dim);
    return positions * head_dim + length * dims + kRows * (positions + dims);
  }

  explicit SequenceAttention(const SequenceHead& head)
      : head_(head),
        positions_(RoundUpToVector<V>(head.length)),
        dims_(RoundUpToVector<V>(head.head_dim)),
        scale_(1.0f / __builtin_sqrtf(head.head_dim)),
        keys_(head.scratch),
        padded_values_(keys_ + positions_ * head.head_dim),
        scores_(padded_values_ + head.length * dims_),
        mixed_(scores_ + kRows * positions_) {}

  void Run() {
    TransposeKeys();
    PadValues();
    for (int row = 0; row < head_.length; row += kRows) {
      const int left = head_.length - row;
      RunRows<kRows>(left < kRows ? left : kRows, row);
    }
  }

 private:
  static constexpr int kRows = V::kTileRows;

  // In place of positions past the end stands the last one: its scores there
  // are masked.
  void TransposeKeys() {
    const float* rows[V::kWidth];
    const int last = head_.length - 1;
    for (size_t first = 0; first < positions_; first += V::kWidth) {
      for (int r = 0; r < V::kWidth; ++r) {
        const int position = static_cast<int>(first) + r;
        rows[r] = head_.keys + (position < last ? position : last) *
                                   static_cast<ptrdiff_t>(head_.stride);
      }
      TransposeRows(rows, keys_ + first);
    }
  }

  void TransposeRows(const float* const* rows, float* to) {
    int i = 0;
    for (; i + 4 <= head_.head_dim; i += 4) {
      typename V::Float columns[4];
      V::LoadColumns(rows, i, columns);
      for (int j = 0; j < 4; ++j)
        V::Store(to + (i + j) * positions_, columns[j]);
    }
    for (; i < head_.head_dim; ++i) {
      for (int r = 0; r < V::kWidth; ++r) to[i * positions_ + r] = rows[r][i];
    }
  }

  // Whole vectors of values may be read where they are, unless the last one
  // would reach past the head.
  void PadValues() {
    values_ = head_.values;
    values_stride_ = head_.stride;
    if (dims_ == static_cast<size_t>(head_.head_dim)) return;
    for (int t = 0; t < head_.length; ++t) {
      float* padded = padded_values_ + t * dims_;
      for (size_t i = 0; i < dims_; ++i) {
        padded[i] = i < static_cast<size_t>(head_.head_dim)
                        ? head_.values[t * head_.stride + i]
                        : 0.0f;
      }
    }
    values_ = padded_values_;
    values_stride_ = dims_;
  }

  template <int kCount>
  void RunRows(int count, int row) {
    if constexpr (kCount > 1) {
      if (count < kCount) return RunRows<kCount - 1>(count, row);
    }
    const float* queries = head_.queries + row * head_.stride;
    Multiply<kCount>(queries, head_.stride, keys_, positions_, head_.head_dim,
                     scores_, positions_);
    float inverse_sums[kCount];
    for (int r = 0; r < kCount; ++r) {
      float* const scores = scores_ + r * positions_;
      if (head_.bias.table != nullptr) {
        AddDistanceBias<V>(head_.bias, row + r, head_.length, scores);
      }
      inverse_sums[r] = ExpOfScores<V>(scale_, head_.length, scores);
    }
    Multiply<kCount>(scores_, positions_, values_, values_stride_, head_.length,
                     mixed_, dims_);
    for (int r = 0; r < kCount; ++r) {
      StoreContext(mixed_ + r * dims_, inverse_sums[r],
                   head_.context + (row + r) * head_.context_stride);
    }
  }

  // c[kCount, columns] = a[kCount, depth] b[depth, columns]; columns is the
  // stride of c and full vectors.
  template <int kCount>
  static void Multiply(const float* a, size_t a_stride, const float* b,
                       size_t b_stride, int depth, float* c, size_t columns) {
    size_t column = 0;
    for (; column + 4 * V::kWidth <= columns; column += 4 * V::kWidth) {
      MultiplyTile<kCount, 4>(a, a_stride, b + column, b_stride, depth,
                              c + column, columns);
    }
    for (; column + 2 * V::kWidth <= columns; column += 2 * V::kWidth) {
      MultiplyTile<kCount, 2>(a, a_stride, b + column, b_stride, depth,
                              c + column, columns);
    }
    if (column < columns) {
      MultiplyTile<kCount, 1>(a, a_stride, b + column, b_stride, depth,
                              c + column, columns);
    }
  }

  template <int kCount, int kVectors>
  static void MultiplyTile(const float* a, size_t a_stride, const float* b,
                           size_t b_stride, int depth, float* c,
                           size_t c_stride) {
    Tile<V, kCount, kVectors> tile;
    tile.Clear();
    for (int i = 0; i < depth; ++i) {
      tile.Step(a + i, a_stride, b + i * b_stride);
    }
    tile.Store(c, c_stride);
  }

  void StoreContext(const float* mixed, float inverse_sum, float* context) {
    const auto factor = V::Set(inverse_sum);
    ForEachVector<V>(
        head_.head_dim,
        [&](int i) {
          V::Store(context + i, V::Mul(V::Load(mixed + i), factor));
        },
        [&](int i, int count) {
          V::StorePart(context + i, V::Mul(V::Load(mixed + i), factor), count);
        });
  }

  const SequenceHead& head_;
  const size_t positions_;  // length in whole vectors
  const size_t dims_;       // head_dim in whole vectors
  const float scale_;
  float* const keys_;           // [head_dim, positions_]
  float* const padded_values_;  // [length, dims_]
  float* const scores_;         // [kRows, positions_]
  float* const mixed_;          // [kRows, dims_]
  const float* values_ = nullptr;
  size_t values_stride_ = 0;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ATTENTION_H_
