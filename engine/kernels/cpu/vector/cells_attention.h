#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_CELLS_ATTENTION_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_CELLS_ATTENTION_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/attention.h"
#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/multiply.h"
#include "engine/kernels/cpu/vector/prefetch.h"
#include "engine/kernels/cpu/vector/rows.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// Where CellsAttention finds the positions of a row: in cells of one cache,
// kept as `Row` says.
template <class Row>
class CachePositions {
  using Element = typename Row::Element;

 public:
  explicit CachePositions(const CellAttention& attention)
      : attention_(attention) {}

  int Length(int row) const { return attention_.lengths[row]; }
  // Whether both rows attend to the same cells, as far as is seen at once.
  bool AreShared(int row, int other) const {
    return attention_.cells == nullptr &&
           attention_.begins[row] == attention_.begins[other] &&
           attention_.lengths[row] == attention_.lengths[other];
  }
  const Element* Key(int row, int position) const {
    return static_cast<const Element*>(attention_.keys) +
           CellOf(row, position) * attention_.key_stride;
  }
  const Element* Value(int row, int position) const {
    return static_cast<const Element*>(attention_.values) +
           CellOf(row, position) * attention_.value_stride;
  }

 private:
  size_t CellOf(int row, int position) const {
    if (attention_.cells == nullptr) return attention_.begins[row] + position;
    return attention_
        .cells[static_cast<size_t>(row) * attention_.cells_stride + position];
  }

  const CellAttention& attention_;
};

// The same: in the row's source span, then in its target cells.
template <class Row>
class JointPositions {
  using Element = typename Row::Element;

 public:
  explicit JointPositions(const JointAttention& attention)
      : attention_(attention), target_(attention.target) {}

  int Length(int row) const {
    return attention_.source_lengths[row] + target_.Length(row);
  }
  bool AreShared(int, int) const { return false; }
  const Element* Key(int row, int position) const {
    const int in_target = position - attention_.source_lengths[row];
    if (in_target >= 0) return target_.Key(row, in_target);
    return static_cast<const Element*>(attention_.source_keys) +
           SourceCellOf(row, position) * attention_.source_key_stride;
  }
  const Element* Value(int row, int position) const {
    const int in_target = position - attention_.source_lengths[row];
    if (in_target >= 0) return target_.Value(row, in_target);
    return static_cast<const Element*>(attention_.source_values) +
           SourceCellOf(row, position) * attention_.source_value_stride;
  }

 private:
  size_t SourceCellOf(int row, int position) const {
    return attention_.source_begins[row] + position;
  }

  const JointAttention& attention_;
  const CachePositions<Row> target_;
};

// Rows that read the same cells, the hypotheses of one sentence, and go through
// them together: what is loaded and widened once serves all.
template <class V>
constexpr int kSharingRows = V::kTileVectors;

template <class V>
size_t CellScratchFloats(int num_heads, int length) {
  return kSharingRows<V> * num_heads * RoundUpToVector<V>(length);
}

// Attention of rows of queries to cells of a cache, all heads. A row, or some
// that share their cells, runs through its keys once and through its values
// once, a few whole cells at a time. These come from memory: what is needed a
// little later, if need be for the next row, is fetched meanwhile. The sums of
// a row are the same alone and with others. `Row` says how cells are kept,
// `Positions` where they are.
template <class V, class Row, class Positions>
class CellsAttention {
 public:
  CellsAttention(const CellAttention& attention, const Positions& positions)
      : attention_(attention),
        positions_(positions),
        scale_(1.0f / __builtin_sqrtf(attention.head_dim)) {}

  void Run() const {
    for (int row = 0; row < attention_.num_rows;) {
      const int count = CountSharing(row);
      RunSharing<kSharingRows<V>>(count, row);
      row += count;
    }
  }

 private:
  static constexpr int kCells = 4;
  static constexpr int kGroupsAhead = 2;

  // The keys or the values of kCells positions.
  struct Group {
    const typename Row::Element* cells[kCells];
    int dim;  // of one head
  };

  // The rows from `row` on that go through their cells together.
  int CountSharing(int row) const {
    int count = 1;
    while (count < kSharingRows<V> && row + count < attention_.num_rows &&
           positions_.AreShared(row, row + count)) {
      ++count;
    }
    return count;
  }

  // RunRows<count>, for counts in [1, kRows].
  template <int kRows>
  void RunSharing(int count, int row) const {
    if constexpr (kRows > 1) {
      if (count < kRows) return RunSharing<kRows - 1>(count, row);
    }
    RunRows<kRows>(row);
  }

  int NumGroups(int row) const {
    return (positions_.Length(row) + kCells - 1) / kCells;
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
    const int first = (is_key ? index : index - groups) * kCells;
    const int last = positions_.Length(row) - 1;
    Group group;
    group.dim = is_key ? attention_.head_dim : attention_.value_dim;
    for (int c = 0; c < kCells; ++c) {
      const int position = first + c < last ? first + c : last;
      group.cells[c] = is_key ? positions_.Key(row, position)
                              : positions_.Value(row, position);
    }
    return group;
  }

  // Scores and weights lie [kRows, heads, positions] in the scratch memory.
  template <int kRows>
  void RunRows(int row) const {
    const int length = positions_.Length(row);
    float* const context = attention_.context + row * attention_.context_stride;
    if (length == 0) return Clear(kRows, context);
    const float* const queries = attention_.queries + row * attention_.stride;
    const size_t positions = RoundUpToVector<V>(length);
    const int groups = NumGroups(row);
    const int last = row + kRows - 1;  // after it come other cells
    for (int g = 0; g < groups; ++g) {
      Score<kRows>(queries, GroupAt(last, g), GroupAt(last, g + kGroupsAhead),
                   positions, attention_.scratch + g * kCells);
    }
    for (int h = 0; h < kRows * attention_.num_heads; ++h) {
      float* const scores = attention_.scratch + h * positions;
      AddBias(h % attention_.num_heads, length, scores);
      Softmax(length, scores);
    }
    for (int g = 0; g < groups; ++g) {
      Mix<kRows>(attention_.scratch + g * kCells, positions,
                 GroupAt(last, groups + g),
                 GroupAt(last, groups + g + kGroupsAhead), g == 0, context);
    }
  }

  void Clear(int rows, float* context) const {
    const int width = attention_.num_heads * attention_.value_dim;
    for (int r = 0; r < rows; ++r, context += attention_.context_stride) {
      for (int i = 0; i < width; ++i) context[i] = 0.0f;
    }
  }

  void AddBias(int head, int length, float* scores) const {
    DistanceBias bias = attention_.bias;
    if (bias.table == nullptr) return;
    bias.table += static_cast<size_t>(head) * (2 * bias.max_distance + 1);
    AddDistanceBias<V>(bias, length - 1, length, scores);
  }

  void Softmax(int length, float* scores) const {
    const auto inverse_sum = V::Set(ExpOfScores<V>(scale_, length, scores));
    for (int i = 0; i < length; i += V::kWidth) {
      V::Store(scores + i, V::Mul(V::Load(scores + i), inverse_sum));
    }
  }

  static inline __attribute__((always_inline)) void PrefetchHead(
      const Group& group, int head) {
    if (group.cells[0] == nullptr) return;
    const size_t begin = static_cast<size_t>(head) * group.dim;
    for (int c = 0; c < kCells; ++c) {
      PrefetchFar<V>(group.cells[c] + begin, group.dim);
    }
  }

  // scores[r, h, 0 .. kCells) for all rows r and heads h; heads are `positions`
  // apart.
  template <int kRows>
  void Score(const float* queries, const Group& keys, const Group& ahead,
             size_t positions, float* scores) const {
    const size_t stride = attention_.stride;
    for (int h = 0; h < attention_.num_heads; ++h) {
      const size_t begin = static_cast<size_t>(h) * attention_.head_dim;
      PrefetchHead(ahead, h);
      Tile<V, kRows, kCells> products;
      products.Clear();
      ForEachVector<V>(
          attention_.head_dim,
          [&](int i) {
            const float* const q = queries + begin + i;
            AddProducts(
                [&](int r) { return V::Load(q + r * stride); },
                [&](int c) { return Row::Load(keys.cells[c] + begin + i); },
                products);
          },
          [&](int i, int count) {
            const float* const q = queries + begin + i;
            AddProducts(
                [&](int r) { return V::LoadPart(q + r * stride, count); },
                [&](int c) {
                  return Row::LoadPart(keys.cells[c] + begin + i, count);
                },
                products);
          });
      for (int r = 0; r < kRows; ++r) {
        const auto& sums = products.sums[r];
        V::StoreSums(scores + (r * attention_.num_heads + h) * positions,
                     sums[0], sums[1], sums[2], sums[3]);
      }
    }
  }

  template <int kRows, class LoadQuery, class LoadKey>
  static inline __attribute__((always_inline)) void AddProducts(
      LoadQuery load_query, LoadKey load_key,
      Tile<V, kRows, kCells>& products) {
    typename V::Float keys[kCells];
#pragma GCC unroll 8
    for (int c = 0; c < kCells; ++c) keys[c] = load_key(c);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto query = load_query(r);
#pragma GCC unroll 8
      for (int c = 0; c < kCells; ++c) {
        products.sums[r][c] = V::MulAdd(query, keys[c], products.sums[r][c]);
      }
    }
  }

  // context[r] += weights[r, h, 0 .. kCells) values for all rows r and heads h.
  template <int kRows>
  void Mix(const float* weights, size_t positions, const Group& values,
           const Group& ahead, bool first, float* context) const {
    const size_t stride = attention_.context_stride;
    for (int h = 0; h < attention_.num_heads; ++h) {
      const size_t begin = static_cast<size_t>(h) * attention_.value_dim;
      PrefetchHead(ahead, h);
      typename V::Float factors[kRows][kCells];
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const float* const row_weights =
            weights + (r * attention_.num_heads + h) * positions;
#pragma GCC unroll 8
        for (int c = 0; c < kCells; ++c) {
          factors[r][c] = V::Set(row_weights[c]);
        }
      }
      ForEachVector<V>(
          attention_.value_dim,
          [&](int i) {
            float* const out = context + begin + i;
            AddMixed<kRows>(
                factors,
                [&](int c) { return Row::Load(values.cells[c] + begin + i); },
                [&](int r) {
                  return first ? V::Zero() : V::Load(out + r * stride);
                },
                [&](int r, auto sum) { V::Store(out + r * stride, sum); });
          },
          [&](int i, int count) {
            float* const out = context + begin + i;
            AddMixed<kRows>(
                factors,
                [&](int c) {
                  return Row::LoadPart(values.cells[c] + begin + i, count);
                },
                [&](int r) {
                  return first ? V::Zero()
                               : V::LoadPart(out + r * stride, count);
                },
                [&](int r, auto sum) {
                  V::StorePart(out + r * stride, sum, count);
                });
          });
    }
  }

  template <int kRows, class LoadValue, class LoadSum, class StoreSum>
  static inline __attribute__((always_inline)) void AddMixed(
      const typename V::Float (&factors)[kRows][kCells], LoadValue load_value,
      LoadSum load_sum, StoreSum store_sum) {
    typename V::Float values[kCells];
#pragma GCC unroll 8
    for (int c = 0; c < kCells; ++c) values[c] = load_value(c);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      auto sum = load_sum(r);
#pragma GCC unroll 8
      for (int c = 0; c < kCells; ++c) {
        sum = V::MulAdd(factors[r][c], values[c], sum);
      }
      store_sum(r, sum);
    }
  }

  const CellAttention& attention_;
  const Positions positions_;
  const float scale_;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_CELLS_ATTENTION_H_
