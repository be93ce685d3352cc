#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ATTENTION_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ATTENTION_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector/multiply.h"
#include "engine/kernels/cpu/vector/prefetch.h"
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

  void TransposeKeys() {
    for (int t = 0; t < head_.length; ++t) {
      const float* key = head_.keys + t * head_.stride;
      for (int i = 0; i < head_.head_dim; ++i)
        keys_[i * positions_ + t] = key[i];
    }
    for (int i = 0; i < head_.head_dim; ++i) {
      for (size_t t = head_.length; t < positions_; ++t) {
        keys_[i * positions_ + t] = 0.0f;
      }
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
      inverse_sums[r] =
          ExpOfScores<V>(scale_, head_.length, scores_ + r * positions_);
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

// Attention of rows of queries to cells of a cache, all heads. A row runs
// through its keys once and through its values once, a few whole cells at a
// time. These come from memory: what is needed a little later, if need be for
// the next row, is fetched meanwhile. `Row` says how cells are kept.
template <class V, class Row>
class CellsAttention {
  using Element = typename Row::Element;

 public:
  static size_t ScratchFloats(int num_heads, int length) {
    return num_heads * RoundUpToVector<V>(length);
  }

  explicit CellsAttention(const CellAttention& attention)
      : attention_(attention),
        width_(static_cast<size_t>(attention.num_heads) * attention.head_dim),
        scale_(1.0f / __builtin_sqrtf(attention.head_dim)) {}

  void Run() {
    for (int r = 0; r < attention_.num_rows; ++r) RunRow(r);
  }

 private:
  static constexpr int kCells = 4;
  static constexpr int kGroupsAhead = 2;

  // The keys or the values of kCells positions.
  struct Group {
    const Element* cells[kCells];
  };

  int NumGroups(int row) const {
    return (attention_.lengths[row] + kCells - 1) / kCells;
  }

  // The groups of a row in the order of their use: all keys, then all values.
  // In place of positions past the end stands the last one: its score is then
  // overwritten, its weight 0. Past the last group follow those of the next
  // row.
  Group GroupAt(int row, int index) const {
    int groups = NumGroups(row);
    while (index >= 2 * groups) {
      index -= 2 * groups;
      if (++row == attention_.num_rows) return Group{};
      groups = NumGroups(row);
    }
    const bool is_key = index < groups;
    const Element* const data = static_cast<const Element*>(
        is_key ? attention_.keys : attention_.values);
    const int first = (is_key ? index : index - groups) * kCells;
    const int last = attention_.lengths[row] - 1;
    Group group;
    for (int c = 0; c < kCells; ++c) {
      const int position = first + c < last ? first + c : last;
      group.cells[c] = data + CellOf(row, position) * width_;
    }
    return group;
  }

  size_t CellOf(int row, int position) const {
    if (attention_.cells == nullptr) return attention_.begins[row] + position;
    return attention_
        .cells[static_cast<size_t>(row) * attention_.cells_stride + position];
  }

  void RunRow(int row) {
    const int length = attention_.lengths[row];
    float* const context = attention_.context + row * width_;
    if (length == 0) {
      for (size_t i = 0; i < width_; ++i) context[i] = 0.0f;
      return;
    }
    const float* const query = attention_.queries + row * attention_.stride;
    const size_t positions = RoundUpToVector<V>(length);
    const int groups = NumGroups(row);
    for (int g = 0; g < groups; ++g) {
      Score(query, GroupAt(row, g), GroupAt(row, g + kGroupsAhead), positions,
            attention_.scratch + g * kCells);
    }
    for (int h = 0; h < attention_.num_heads; ++h) {
      Softmax(length, attention_.scratch + h * positions);
    }
    for (int g = 0; g < groups; ++g) {
      Mix(attention_.scratch + g * kCells, positions, GroupAt(row, groups + g),
          GroupAt(row, groups + g + kGroupsAhead), g == 0, context);
    }
  }

  void Softmax(int length, float* scores) const {
    const auto inverse_sum = V::Set(ExpOfScores<V>(scale_, length, scores));
    for (int i = 0; i < length; i += V::kWidth) {
      V::Store(scores + i, V::Mul(V::Load(scores + i), inverse_sum));
    }
  }

  inline __attribute__((always_inline)) void PrefetchHead(const Group& group,
                                                          size_t begin) const {
    if (group.cells[0] == nullptr) return;
    for (int c = 0; c < kCells; ++c) {
      PrefetchFar<V>(group.cells[c] + begin, attention_.head_dim);
    }
  }

  // scores[h, 0 .. kCells) for all heads h, `positions` apart.
  void Score(const float* query, const Group& keys, const Group& ahead,
             size_t positions, float* scores) const {
    for (int h = 0; h < attention_.num_heads; ++h) {
      const size_t begin = static_cast<size_t>(h) * attention_.head_dim;
      PrefetchHead(ahead, begin);
      Tile<V, kCells, 1> products;
      products.Clear();
      ForEachVector<V>(
          attention_.head_dim,
          [&](int i) {
            const auto q = V::Load(query + begin + i);
#pragma GCC unroll 8
            for (int c = 0; c < kCells; ++c) {
              products.sums[c][0] = V::MulAdd(
                  q, Row::Load(keys.cells[c] + begin + i), products.sums[c][0]);
            }
          },
          [&](int i, int count) {
            const auto q = V::LoadPart(query + begin + i, count);
#pragma GCC unroll 8
            for (int c = 0; c < kCells; ++c) {
              products.sums[c][0] =
                  V::MulAdd(q, Row::LoadPart(keys.cells[c] + begin + i, count),
                            products.sums[c][0]);
            }
          });
      V::StoreSums(scores + h * positions, products.sums[0][0],
                   products.sums[1][0], products.sums[2][0],
                   products.sums[3][0]);
    }
  }

  // context += weights[h, 0 .. kCells) values for all heads h.
  void Mix(const float* weights, size_t positions, const Group& values,
           const Group& ahead, bool first, float* context) const {
    for (int h = 0; h < attention_.num_heads; ++h) {
      const size_t begin = static_cast<size_t>(h) * attention_.head_dim;
      PrefetchHead(ahead, begin);
      typename V::Float factors[kCells];
#pragma GCC unroll 8
      for (int c = 0; c < kCells; ++c) {
        factors[c] = V::Set(weights[h * positions + c]);
      }
      ForEachVector<V>(
          attention_.head_dim,
          [&](int i) {
            float* const out = context + begin + i;
            auto sum = first ? V::Zero() : V::Load(out);
#pragma GCC unroll 8
            for (int c = 0; c < kCells; ++c) {
              sum = V::MulAdd(factors[c],
                              Row::Load(values.cells[c] + begin + i), sum);
            }
            V::Store(out, sum);
          },
          [&](int i, int count) {
            float* const out = context + begin + i;
            auto sum = first ? V::Zero() : V::LoadPart(out, count);
#pragma GCC unroll 8
            for (int c = 0; c < kCells; ++c) {
              sum = V::MulAdd(factors[c],
                              Row::LoadPart(values.cells[c] + begin + i, count),
                              sum);
            }
            V::StorePart(out, sum, count);
          });
    }
  }

  const CellAttention& attention_;
  const size_t width_;
  const float scale_;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ATTENTION_H_
