#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_H_

#include <stddef.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector/multiply.h"
#include "engine/kernels/cpu/vector/prefetch.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// y = x W^T over a weight in panels of kColumns columns, [in_dim, kColumns]
// each. A panel is worked through in blocks of kMaxDepth rows, which stay in
// the L2 cache while all rows of x pass by them, a tile of a few at a time. As
// weights come from memory, the first tiles of a block fetch the next one.
template <class V>
class PanelLinear {
 public:
  static constexpr int kColumns = V::kTileVectors * V::kWidth;

  static void Pack(const float* weight, int out_dim, int in_dim,
                   float* panels) {
    for (int begin = 0; begin < out_dim; begin += kColumns) {
      for (int i = 0; i < in_dim; ++i) {
        for (int j = begin; j < begin + kColumns; ++j) {
          *panels++ =
              j < out_dim ? weight[static_cast<size_t>(j) * in_dim + i] : 0.0f;
        }
      }
    }
  }

  static size_t PartialSumsFloats(int rows) {
    return static_cast<size_t>(Smaller(rows, kMaxRows)) * kColumns;
  }

  static void Run(const PackedLinear& linear) {
    for (int row = 0; row < linear.rows; row += kMaxRows) {
      const int rows = Smaller(linear.rows - row, kMaxRows);
      for (int column = 0; column < linear.out_dim; column += kColumns) {
        for (int depth = 0; depth < linear.in_dim; depth += kMaxDepth) {
          RunBlock(linear, {row, rows, column, depth,
                            Smaller(linear.in_dim - depth, kMaxDepth)});
        }
      }
    }
  }

 private:
  // Measured on a core with 1 MiB of L2: a block is 128 KiB, and x, the block
  // and the next one fit together.
  static constexpr int kMaxDepth = 512;
  static constexpr int kMaxRows = 240;
  static constexpr int kStepLines = (kColumns + kLineFloats - 1) / kLineFloats;
  static constexpr int kNearSteps = 8;

  // Rows [row, row + rows) of y, the panel that begins at `column`, and the
  // part of the sums over [depth_begin, depth_begin + depth).
  struct Block {
    int row;
    int rows;
    int column;
    int depth_begin;
    int depth;
  };

  // Some rows of a block, and what to fetch meanwhile.
  struct TileRows {
    int first;           // of the block
    const float* ahead;  // to be fetched, `lines_ahead` cache lines a step
    int lines_ahead;     // 0: nothing, the block is read only once
  };

  static int Smaller(int a, int b) { return a < b ? a : b; }

  static const float* Weights(const PackedLinear& linear, const Block& block) {
    return linear.panels + static_cast<size_t>(block.column) * linear.in_dim +
           static_cast<size_t>(block.depth_begin) * kColumns;
  }

  // Splits the rows into tiles as even as can be: a last tile of one row would
  // cost nearly as much as a full one.
  static void RunBlock(const PackedLinear& linear, const Block& block) {
    const int tiles = (block.rows + V::kTileRows - 1) / V::kTileRows;
    const float* const next =
        Weights(linear, block) + static_cast<size_t>(block.depth) * kColumns;
    const int lines_ahead = tiles > 1 ? (kStepLines + tiles - 1) / tiles : 0;
    int begin = 0;
    for (int tile = 0; tile < tiles; ++tile) {
      const int end = block.rows * (tile + 1) / tiles;
      // Once all is fetched: the same again, which costs next to nothing.
      const int share = tile * lines_ahead < kStepLines ? tile : 0;
      const size_t lines =
          static_cast<size_t>(share) * lines_ahead * block.depth;
      RunTile<V::kTileRows>(end - begin, linear, block,
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
    const size_t in_dim = linear.in_dim;
    const float* x =
        linear.x + (block.row + tile_rows.first) * in_dim + block.depth_begin;
    const float* w = Weights(linear, block);
    const float* const w_end = w + static_cast<size_t>(block.depth) * kColumns;
    float* const partial = linear.partial_sums + tile_rows.first * kColumns;

    PrefetchOutput<kRows>(linear, block, tile_rows);
    Tile<V, kRows, V::kTileVectors> tile;
    if (block.depth_begin == 0) {
      tile.Clear();
    } else {
      tile.Load(partial, kColumns);
    }
    if (tile_rows.lines_ahead == 0) {
      // Read once, in order: the hardware prefetchers do best when left alone.
      for (; w != w_end; w += kColumns) tile.Step(x++, in_dim, w);
    } else {
      const float* ahead = tile_rows.ahead;
      for (; w != w_end; w += kColumns) {
        PrefetchNear<V>(w + kNearSteps * kColumns, kColumns);
        PrefetchFar<V>(ahead, tile_rows.lines_ahead * kLineFloats);
        ahead += tile_rows.lines_ahead * kLineFloats;
        tile.Step(x++, in_dim, w);
      }
    }
    if (block.depth_begin + block.depth < linear.in_dim) {
      tile.Store(partial, kColumns);
    } else {
      Finish(linear, block.row + tile_rows.first, block.column, tile);
    }
  }

  // The lines of y that the tile will write: a burst of stores that miss the
  // caches would otherwise stall the next tile.
  template <int kRows>
  inline __attribute__((always_inline)) static void PrefetchOutput(
      const PackedLinear& linear, const Block& block,
      const TileRows& tile_rows) {
    const float* y =
        linear.y +
        static_cast<size_t>(block.row + tile_rows.first) * linear.out_dim +
        block.column;
    for (int r = 0; r < kRows; ++r, y += linear.out_dim) {
      PrefetchNear<V>(y, kColumns);
    }
  }

  template <int kRows>
  static void Finish(const PackedLinear& linear, int row, int column,
                     Tile<V, kRows, V::kTileVectors> tile) {
    const size_t out_dim = linear.out_dim;
    const int columns = Smaller(linear.out_dim - column, kColumns);
    float* const y = linear.y + row * out_dim + column;
    tile.AddRow(linear.bias + column);
    if (linear.activation == Activation::kRelu) tile.Relu();
    if (columns == kColumns) {
      if (linear.add_to_y) tile.Add(y, out_dim);
      tile.Store(y, out_dim);
    } else {
      StoreSomeColumns(tile, columns, linear.add_to_y, out_dim, y);
    }
    if (linear.activation == Activation::kGelu) {
      ForEachRow<kRows>(y, out_dim, columns, Gelu<V>);
    } else if (linear.activation == Activation::kSwish) {
      ForEachRow<kRows>(y, out_dim, columns, Swish<V>);
    }
  }

  template <int kRows>
  static void StoreSomeColumns(const Tile<V, kRows, V::kTileVectors>& tile,
                               int columns, bool add_to_y, size_t out_dim,
                               float* y) {
    float row[kColumns];
    for (int r = 0; r < kRows; ++r, y += out_dim) {
      for (int v = 0; v < V::kTileVectors; ++v) {
        V::Store(row + v * V::kWidth, tile.sums[r][v]);
      }
      for (int j = 0; j < columns; ++j)
        y[j] = add_to_y ? y[j] + row[j] : row[j];
    }
  }

  template <int kRows>
  static void ForEachRow(float* y, size_t out_dim, int columns,
                         typename V::Float (*function)(typename V::Float)) {
    for (int r = 0; r < kRows; ++r, y += out_dim) {
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
