#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector/multiply.h"
#include "engine/kernels/cpu/vector/prefetch.h"
#include "engine/kernels/cpu/vector/product.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// y = x W^T over a weight in panels of kColumns columns, [steps, kColumns]
// lanes each (see PackedWeight), by the product P. A panel is worked through in
// blocks of kMaxSteps steps, which stay in the L2 cache while all rows of x
// pass by them, a tile of a few at a time. As weights come from memory, the
// first tiles of a block fetch the next one.
template <class P>
class PanelLinear {
  using V = typename P::V;
  using Format = typename P::Format;
  using Float = typename V::Float;

 public:
  static constexpr LinearOps Ops() {
    return {kColumns,
            kMaxRows,
            Format::kDepth,
            Format::kInputBytes,
            PackWeight,
            Format::PackInputs,
            Run};
  }

 private:
  static constexpr int kColumns = P::kVectors * V::kWidth;
  // Measured on a core with 1 MiB of L2: a block is 128 KiB, and x, the block
  // and the next one fit together.
  static constexpr int kMaxSteps = 512;
  static constexpr int kMaxRows = 240;
  static constexpr int kStepLines = (kColumns + kLineFloats - 1) / kLineFloats;
  static constexpr int kNearSteps = 8;

  // The panel that begins at `column`, and the steps [step_begin, step_begin +
  // steps) of it.
  struct Block {
    int column;
    int step_begin;
    int steps;
  };

  // Some rows of a block, and what to fetch meanwhile.
  struct TileRows {
    int first;
    const uint32_t* ahead;  // to be fetched, `lines_ahead` cache lines a step
    int lines_ahead;        // 0: nothing, the block is read only once
  };

  static int Smaller(int a, int b) { return a < b ? a : b; }

  static void PackWeight(const float* weight, int out_dim, int in_dim,
                         const PackedWeight& to) {
    const size_t steps = (in_dim + Format::kDepth - 1) / Format::kDepth;
    for (int j = 0; j < out_dim; ++j) {
      uint32_t* const lanes =
          to.panels + j / kColumns * steps * kColumns + j % kColumns;
      const float* const w = weight + static_cast<size_t>(j) * in_dim;
      if constexpr (Format::kIsInt8) {
        Format::PackColumn(w, in_dim, kColumns, lanes, &to.scales[j],
                           &to.first_sums[j]);
      } else {
        Format::PackColumn(w, in_dim, kColumns, lanes);
      }
    }
  }

  static void Run(const PackedLinear& linear) {
    for (int column = 0; column < linear.out_dim; column += kColumns) {
      for (int step = 0; step < linear.steps; step += kMaxSteps) {
        RunBlock(linear,
                 {column, step, Smaller(linear.steps - step, kMaxSteps)});
      }
    }
  }

  static const uint32_t* Weights(const PackedLinear& linear,
                                 const Block& block) {
    return linear.panels + static_cast<size_t>(block.column) * linear.steps +
           static_cast<size_t>(block.step_begin) * kColumns;
  }

  // Splits the rows into tiles as even as can be: a last tile of one row would
  // cost nearly as much as a full one.
  static void RunBlock(const PackedLinear& linear, const Block& block) {
    const int tiles = (linear.rows + P::kRows - 1) / P::kRows;
    const uint32_t* const next =
        Weights(linear, block) + static_cast<size_t>(block.steps) * kColumns;
    const int lines_ahead = tiles > 1 ? (kStepLines + tiles - 1) / tiles : 0;
    int begin = 0;
    for (int tile = 0; tile < tiles; ++tile) {
      const int end = linear.rows * (tile + 1) / tiles;
      // Once all is fetched: the same again, which costs next to nothing.
      const int share = tile * lines_ahead < kStepLines ? tile : 0;
      const size_t lines =
          static_cast<size_t>(share) * lines_ahead * block.steps;
      RunTile<P::kRows>(end - begin, linear, block,
                        {begin, next + lines * kLineFloats, lines_ahead});
      begin = end;
    }
  }

  // RunRows<rows>, for rows in [1, kRows].
  template <int kRows>
  static void RunTile(int rows, const PackedLinear& linear, const Block& block,
                      const TileRows& tile_rows) {
    if constexpr (kRows > 1) {
      if (rows < kRows) {
        return RunTile<kRows - 1>(rows, linear, block, tile_rows);
      }
    }
    RunRows<kRows>(linear, block, tile_rows);
  }

  template <int kRows>
  __attribute__((noinline)) static void RunRows(const PackedLinear& linear,
                                                const Block& block,
                                                const TileRows& tile_rows) {
    const size_t stride = linear.input_stride;
    const char* x = static_cast<const char*>(linear.inputs) +
                    tile_rows.first * stride +
                    static_cast<size_t>(block.step_begin) * Format::kInputBytes;
    const uint32_t* w = Weights(linear, block);
    const uint32_t* const w_end =
        w + static_cast<size_t>(block.steps) * kColumns;
    uint32_t* const partial = linear.partial_sums + tile_rows.first * kColumns;

    PrefetchOutput<kRows>(linear, block, tile_rows);
    ProductTile<P, kRows> tile;
    if (block.step_begin == 0) {
      if constexpr (Format::kIsInt8) {
        tile.Start(linear.first_sums + block.column);
      } else {
        tile.Clear();
      }
    } else {
      tile.Load(partial);
    }
    if (tile_rows.lines_ahead == 0) {
      // Read once, in order: the hardware prefetchers do best when left alone.
      for (; w != w_end; w += kColumns, x += Format::kInputBytes) {
        tile.Step(x, stride, w);
      }
    } else {
      const uint32_t* ahead = tile_rows.ahead;
      for (; w != w_end; w += kColumns, x += Format::kInputBytes) {
        PrefetchNear<V>(w + kNearSteps * kColumns, kColumns);
        PrefetchFar<V>(ahead, tile_rows.lines_ahead * kLineFloats);
        ahead += tile_rows.lines_ahead * kLineFloats;
        tile.Step(x, stride, w);
      }
    }
    if (block.step_begin + block.steps < linear.steps) {
      tile.Store(partial);
    } else {
      Finish(linear, tile_rows.first, block.column, tile);
    }
  }

  // The lines of y that the tile will write: a burst of stores that miss the
  // caches would otherwise stall the next tile.
  template <int kRows>
  inline __attribute__((always_inline)) static void PrefetchOutput(
      const PackedLinear& linear, const Block& block,
      const TileRows& tile_rows) {
    const float* y = linear.y +
                     static_cast<size_t>(tile_rows.first) * linear.y_stride +
                     block.column;
    for (int r = 0; r < kRows; ++r, y += linear.y_stride) {
      PrefetchNear<V>(y, kColumns);
    }
  }

  template <int kRows>
  static inline __attribute__((always_inline)) void Finish(
      const PackedLinear& linear, int row, int column,
      const ProductTile<P, kRows>& tile) {
    const size_t stride = linear.y_stride;
    const int columns = Smaller(linear.out_dim - column, kColumns);
    float* const y = linear.y + row * stride + column;
    if (columns < kColumns) {
      StoreSomeColumns(linear, row, column, tile, columns, y);
    } else if (linear.add_to_y) {
      StoreRows(linear, row, column, tile, y, stride, AddToStored);
    } else if (linear.activation == Activation::kRelu) {
      StoreRows(linear, row, column, tile, y, stride, Relu);
    } else {
      StoreRows(linear, row, column, tile, y, stride, Same);
    }
    if (linear.activation == Activation::kGelu) {
      ForEachRow<kRows>(y, stride, columns, Gelu<V>);
    } else if (linear.activation == Activation::kSwish) {
      ForEachRow<kRows>(y, stride, columns, Swish<V>);
    }
  }

  // What is stored of a result; `y` is where.
  static inline __attribute__((always_inline)) Float AddToStored(
      Float result, const float* y) {
    return V::Add(V::Load(y), result);
  }
  static inline __attribute__((always_inline)) Float Relu(Float result,
                                                          const float*) {
    return V::Max(result, V::Zero());
  }
  static inline __attribute__((always_inline)) Float Same(Float result,
                                                          const float*) {
    return result;
  }

  // One vector after the other, from the register of its sum to memory: with
  // steps over the whole tile g++ 12 keeps it on the stack in between.
  template <int kRows>
  static inline __attribute__((always_inline)) void StoreRows(
      const PackedLinear& linear, int row, int column,
      const ProductTile<P, kRows>& tile, float* y, size_t stride,
      Float (*finish)(Float result, const float* y)) {
    const float* const bias = linear.bias + column;
    const float* weight_scales = nullptr;
    const float* input_scales = nullptr;
    if constexpr (Format::kIsInt8) {
      weight_scales = linear.weight_scales + column;
      input_scales = linear.input_scales + row;
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r, y += stride) {
#pragma GCC unroll 8
      for (int v = 0; v < P::kVectors; ++v) {
        const int i = v * V::kWidth;
        Float result;
        if constexpr (Format::kIsInt8) {
          result = V::Mul(
              V::Mul(V::ToFloat(tile.sums[r][v]), V::Load(weight_scales + i)),
              V::Set(input_scales[r]));
        } else {
          result = tile.sums[r][v];
        }
        result = V::Add(result, V::Load(bias + i));
        V::Store(y + i, finish(result, y + i));
      }
    }
  }

  template <int kRows>
  static inline __attribute__((always_inline)) void StoreSomeColumns(
      const PackedLinear& linear, int row, int column,
      const ProductTile<P, kRows>& tile, int columns, float* y) {
    float results[kRows * kColumns];
    if (linear.activation == Activation::kRelu) {
      StoreRows(linear, row, column, tile, results, kColumns, Relu);
    } else {
      StoreRows(linear, row, column, tile, results, kColumns, Same);
    }
    const float* result = results;
    for (int r = 0; r < kRows; ++r, y += linear.y_stride, result += kColumns) {
      for (int j = 0; j < columns; ++j) {
        y[j] = linear.add_to_y ? y[j] + result[j] : result[j];
      }
    }
  }

  template <int kRows>
  static void ForEachRow(float* y, size_t stride, int columns,
                         typename V::Float (*function)(typename V::Float)) {
    for (int r = 0; r < kRows; ++r, y += stride) {
      ForEachVector<V>(
          columns, [&](int i) { V::Store(y + i, function(V::Load(y + i))); },
          [&](int i, int count) {
            V::StorePart(y + i, function(V::LoadPart(y + i, count)), count);
          });
    }
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_
