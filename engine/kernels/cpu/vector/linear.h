#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/linear_results.h"
#include "engine/kernels/cpu/vector/listed_linear.h"
#include "engine/kernels/cpu/vector/pack_weight.h"
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

 public:
  static constexpr LinearOps Ops() {
    return {kColumns,
            kMaxRows,
            Format::kDepth,
            Format::kInputBytes,
            /*step_multiple=*/1,
            PackWeightPanels<Format, kColumns>,
            Format::PackInputs,
            Run,
            RunListedOf<P>()};
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
      // Read once, in order: most hardware prefetchers do best when left alone.
      constexpr int kStepsAhead = Format::kIsInt8 ? V::kInt8StepsAhead : 0;
      for (; w != w_end; w += kColumns, x += Format::kInputBytes) {
        if constexpr (kStepsAhead > 0) {
          PrefetchNear<V>(w + kStepsAhead * kColumns, kColumns);
        }
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
      LinearResults<P>::Store(linear, tile_rows.first, block.column, tile);
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
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_
