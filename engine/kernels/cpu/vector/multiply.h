#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_MULTIPLY_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_MULTIPLY_H_

#include <stddef.h>

namespace peregrine::kernels {

// The register tile of a product of float matrices: kRows rows of A against
// kVectors vectors of columns of B. Each sum runs over the depth in order, by
// one MulAdd a step, whatever the tile: so a row has the same bits in any tile.
template <class V, int kRows, int kVectors>
struct Tile {
  typename V::Float sums[kRows][kVectors];

  void Clear() {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[r][v] = V::Zero();
    }
  }

  void Store(float* c, size_t stride) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        V::Store(c + r * stride + v * V::kWidth, sums[r][v]);
      }
    }
  }

  // One step of the depth: `b` is a row of B, `a` a column of A.
  void Step(const float* a, size_t a_stride, const float* b) {
    typename V::Float weights[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) weights[v] = V::Load(b + v * V::kWidth);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const typename V::Float input = V::Set(a[r * a_stride]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        sums[r][v] = V::MulAdd(input, weights[v], sums[r][v]);
      }
    }
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_MULTIPLY_H_
