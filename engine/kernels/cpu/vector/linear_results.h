#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_RESULTS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_RESULTS_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector/product.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// What becomes of the sums of a panel of the product P: scaled, with the bias
// and the activation, they are stored in y or added to it.
template <class P>
class LinearResults {
  using V = typename P::V;
  using Format = typename P::Format;
  using Float = typename V::Float;
  static constexpr int kColumns = P::kVectors * V::kWidth;

 public:
  // Of kRows rows from `row` on.
  template <int kRows>
  static inline __attribute__((always_inline)) void Store(
      const PackedLinear& linear, int row, int column,
      const ProductTile<P, kRows>& tile) {
    const size_t stride = linear.y_stride;
    const int columns =
        linear.out_dim - column < kColumns ? linear.out_dim - column : kColumns;
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
    } else if (linear.activation == Activation::kGeluTanh) {
      ForEachRow<kRows>(y, stride, columns, GeluTanh<V>);
    }
  }

  // Of `rows` rows from `row` on, whose sums are [rows, kColumns].
  static void Store(const PackedLinear& linear, int row, int rows, int column,
                    const uint32_t* sums) {
    constexpr int kTogether = 4;
    int r = 0;
    for (; r + kTogether <= rows;
         r += kTogether, sums += kTogether * kColumns) {
      StoreLoaded<kTogether>(linear, row + r, column, sums);
    }
    for (; r < rows; ++r, sums += kColumns) {
      StoreLoaded<1>(linear, row + r, column, sums);
    }
  }

 private:
  template <int kRows>
  static void StoreLoaded(const PackedLinear& linear, int row, int column,
                          const uint32_t* sums) {
    ProductTile<P, kRows> tile;
    tile.Load(sums);
    Store(linear, row, column, tile);
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

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LINEAR_RESULTS_H_
