#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_TILE_LINEAR_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_TILE_LINEAR_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/linear_results.h"
#include "engine/kernels/cpu/vector/listed_linear.h"
#include "engine/kernels/cpu/vector/pack_weight.h"
#include "engine/kernels/cpu/vector/prefetch.h"
#include "engine/kernels/cpu/vector/product.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// y = x W^T as PanelLinear computes it, on a unit that multiplies whole tiles:
// P::Square holds the sums of up to kRows rows by the kColumns columns of a
// panel, and takes kSteps steps at once. The product P says what lies in memory
// and turns the sums into results.
//
// A panel stays in the caches while all rows of x pass by it; the first of them
// fetch the next panel meanwhile.
template <class P>
class TileLinear {
  using V = typename P::V;
  using Format = typename P::Format;
  using Square = typename P::Square;

 public:
  static constexpr LinearOps Ops() {
    LinearOps ops = {};
    ops.panel_columns = kColumns;
    ops.max_rows = kMaxRows;
    ops.step_depth = Format::kDepth;
    ops.step_bytes = Format::kInputBytes;
    ops.step_multiple = Square::kSteps;
    ops.pack_weight = PackWeightPanels<Format, kColumns>;
    ops.pack_inputs = PackInputs;
    ops.run = Run;
    ops.run_listed = RunListedOf<P>();
    return ops;
  }

 private:
  static constexpr int kColumns = Square::kColumns;
  static_assert(kColumns == P::kVectors * V::kWidth);
  static constexpr int kMaxRows = 256;
  static constexpr int kStepLines = kColumns / kLineFloats;

  // With zeros up to the end of the last tile, since what is no number would
  // stay none even times zero.
  static float PackInputs(const float* x, int in_dim, void* inputs) {
    constexpr int kTileDepth = Square::kSteps * Format::kDepth;
    constexpr int kTileBytes = Square::kSteps * Format::kInputBytes;
    if (in_dim % kTileDepth != 0) {
      __builtin_memset(
          static_cast<char*>(inputs) + in_dim / kTileDepth * kTileBytes, 0,
          kTileBytes);
    }
    return Format::PackInputs(x, in_dim, inputs);
  }

  // Some rows of a panel, at most Square::kRows, of which the first `known`
  // have their results already; and which part of the next panel to fetch
  // meanwhile.
  struct Place {
    int column;
    int row;
    int rows;
    int known;
    int share;
    int num_shares;
  };

  static void Run(const PackedLinear& linear) {
    // As many squares as are needed, as even as can be, and all alike, since
    // setting up the tiles takes longer than some rows: the last square takes
    // some of the rows before its own along.
    const int squares = (linear.rows + Square::kRows - 1) / Square::kRows;
    if (squares == 0) return;
    const int rows = (linear.rows + squares - 1) / squares;
    Square::Configure(rows);
    for (int column = 0; column < linear.out_dim; column += kColumns) {
      for (int i = 0; i < squares; ++i) {
        const bool is_last = i == squares - 1;
        const int row = is_last ? linear.rows - rows : i * rows;
        RunSquare(linear, {column, row, rows, i * rows - row, i, squares});
      }
    }
    Square::Release();
  }

  static void RunSquare(const PackedLinear& linear, const Place& place) {
    const size_t stride = linear.input_stride;
    const char* x =
        static_cast<const char*>(linear.inputs) + place.row * stride;
    const uint32_t* w =
        linear.panels + static_cast<size_t>(place.column) * linear.steps;
    if constexpr (Format::kIsInt8) {
      Square::Start(place.rows, linear.first_sums + place.column);
    } else {
      Square::Start(place.rows, nullptr);
    }
    constexpr int kTileLines = Square::kSteps * kStepLines;
    const int first_line = kTileLines * place.share / place.num_shares;
    const int end_line = kTileLines * (place.share + 1) / place.num_shares;
    const uint32_t* next = w + static_cast<size_t>(kColumns) * linear.steps +
                           first_line * kLineFloats;
    for (int step = 0; step < linear.steps; step += Square::kSteps) {
      PrefetchFar<V>(next, (end_line - first_line) * kLineFloats);
      next += Square::kSteps * kColumns;
      Square::Step(place.rows, x, stride, w);
      x += Square::kSteps * Format::kInputBytes;
      w += Square::kSteps * kColumns;
    }
    alignas(64) uint32_t sums[Square::kRows * kColumns];
    Square::Store(place.rows, sums);
    LinearResults<P>::Store(linear, place.row + place.known,
                            place.rows - place.known, place.column,
                            sums + place.known * kColumns);
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_TILE_LINEAR_H_
