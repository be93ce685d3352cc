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
      : attention_(attention),
        key_width_(static_cast<size_t>(attention.num_heads) *
                   attention.head_dim),
        value_width_(static_cast<size_t>(attention.num_heads) *
                     attention.value_dim) {}

  int Length(int row) const { return attention_.lengths[row]; }
  const Element* Key(int row, int position) const {
    return KeyOf(attention_.keys, CellOf(row, position));
  }
  const Element* Value(int row, int position) const {
    return ValueOf(attention_.values, CellOf(row, position));
  }

  // Of any cache with keys and values of these widths.
  const Element* KeyOf(const void* keys, size_t cell) const {
    return static_cast<const Element*>(keys) + cell * key_width_;
  }
  const Element* ValueOf(const void* values, size_t cell) const {
    return static_cast<const Element*>(values) + cell * value_width_;
  }

 private:
  size_t CellOf(int row, int position) const {
    if (attention_.cells == nullptr) return attention_.begins[row] + position;
    return attention_
        .cells[static_cast<size_t>(row) * attention_.cells_stride + position];
  }

  const CellAttention& attention_;
  const size_t key_width_;
  const size_t value_width_;
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
  const Element* Key(int row, int position) const {
    const int in_target = position - attention_.source_lengths[row];
    if (in_target >= 0) return target_.Key(row, in_target);
    return target_.KeyOf(attention_.source_keys,
                         attention_.source_begins[row] + position);
  }
  const Element* Value(int row, int position) const {
    const int in_target = position - attention_.source_lengths[row];
    if (in_target >= 0) return target_.Value(row, in_target);
    return target_.ValueOf(attention_.source_values,
                           attention_.source_begins[row] + position);
  }

 private:
  const JointAttention& attention_;
  const CachePositions<Row> target_;
};

template <class V>
size_t CellScratchFloats(int num_heads, int length) {
  return num_heads * RoundUpToVector<V>(length);
}

// Attention of rows of queries to cells of a cache, all heads. A row runs
// through its keys once and through its values once, a few whole cells at a
// time. These come from memory: what is needed a little later, if need be for
// the next row, is fetched meanwhile. `Row` says how cells are kept,
// `Positions` where they are.
template <class V, class Row, class Positions>
class CellsAttention {
 public:
  CellsAttention(const CellAttention& attention, const Positions& positions)
      : attention_(attention),
        positions_(positions),
        width_(static_cast<size_t>(attention.num_heads) * attention.value_dim),
        scale_(1.0f / __builtin_sqrtf(attention.head_dim)) {}

  void Run() const {
    for (int r = 0; r < attention_.num_rows; ++r) RunRow(r);
  }

 private:
  static constexpr int kCells = 4;
  static constexpr int kGroupsAhead = 2;

  // The keys or the values of kCells positions.
  struct Group {
    const typename Row::Element* cells[kCells];
    int dim;  // of one head
  };

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

  void RunRow(int row) const {
    const int length = positions_.Length(row);
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

  static inline __attribute__((always_inline)) void PrefetchHead(
      const Group& group, int head) {
    if (group.cells[0] == nullptr) return;
    const size_t begin = static_cast<size_t>(head) * group.dim;
    for (int c = 0; c < kCells; ++c) {
      PrefetchFar<V>(group.cells[c] + begin, group.dim);
    }
  }

  // scores[h, 0 .. kCells) for all heads h, `positions` apart.
  void Score(const float* query, const Group& keys, const Group& ahead,
             size_t positions, float* scores) const {
    for (int h = 0; h < attention_.num_heads; ++h) {
      const size_t begin = static_cast<size_t>(h) * attention_.head_dim;
      PrefetchHead(ahead, h);
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
      const size_t begin = static_cast<size_t>(h) * attention_.value_dim;
      PrefetchHead(ahead, h);
      typename V::Float factors[kCells];
#pragma GCC unroll 8
      for (int c = 0; c < kCells; ++c) {
        factors[c] = V::Set(weights[h * positions + c]);
      }
      ForEachVector<V>(
          attention_.value_dim,
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
  const Positions positions_;
  const size_t width_;
  const float scale_;
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_CELLS_ATTENTION_H_
