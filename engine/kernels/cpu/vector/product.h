#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PRODUCT_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PRODUCT_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/quantize.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// How PanelLinear multiplies. A Format says what lies in memory:
//   kDepth         values of the depth in a step
//   kInputBytes    a row's inputs of a step
//   PackInputs     LinearOps::pack_inputs, or null
//   PackColumn     one column of W^T, the lanes of its steps `stride` apart
// and a Product, which has one, how a step multiplies:
//   kRows x kVectors   the register tile
//   Sum, Weights, Input: vectors of 4-byte lanes, a column each; an input is
//                  the same for all columns.
// One of int8 also how a step along a row of W does: see ListedOutputs.
// The same Format on two instruction sets holds the same numbers.

template <class V>
struct FloatFormat {
  static constexpr int kDepth = 1;
  static constexpr int kInputBytes = 4;
  static constexpr bool kIsInt8 = false;
  static constexpr float (*PackInputs)(const float*, int, void*) = nullptr;

  static void PackColumn(const float* w, int in_dim, size_t stride,
                         uint32_t* lanes) {
    for (int i = 0; i < in_dim; ++i) {
      __builtin_memcpy(lanes + i * stride, w + i, sizeof(float));
    }
  }
};

// Pairs of bfloat16. kWideInputs: inputs rounded to it but kept as floats.
template <class V, bool kWideInputs>
struct BFloat16Format {
  static constexpr int kDepth = 2;
  static constexpr int kInputBytes = kWideInputs ? 8 : 4;
  static constexpr bool kIsInt8 = false;

  static float PackInputs(const float* x, int in_dim, void* inputs) {
    const auto store = [inputs](int i, typename V::Float values) {
      if constexpr (kWideInputs) {
        V::Store(static_cast<float*>(inputs) + i, V::RoundToBFloat16(values));
      } else {
        V::StoreBFloat16(static_cast<uint16_t*>(inputs) + i, values);
      }
    };
    ForEachVector<V>(
        in_dim, [&](int i) { store(i, V::Load(x + i)); },
        [&](int i, int count) { store(i, V::LoadPart(x + i, count)); });
    return 1.0f;
  }

  static void PackColumn(const float* w, int in_dim, size_t stride,
                         uint32_t* lanes) {
    const auto place = [=](int i, typename V::Float values) {
      uint16_t rounded[V::kWidth];
      V::StoreBFloat16(rounded, values);
      for (int j = 0; j < V::kWidth && i + j < in_dim; j += 2) {
        __builtin_memcpy(lanes + (i + j) / 2 * stride, rounded + j, 4);
      }
    };
    ForEachVector<V>(
        in_dim, [&](int i) { place(i, V::Load(w + i)); },
        [&](int i, int count) { place(i, V::LoadPart(w + i, count)); });
  }
};

// Four int8. Their inputs are either bytes of x + 128, for instructions that
// multiply unsigned by signed, or int16; for these the second and the third
// weight of a lane change places, so that its upper and its lower bytes are
// neighbours.
template <class V, bool kWideInputs>
struct Int8Format {
  static constexpr int kDepth = 4;
  static constexpr int kInputBytes = kWideInputs ? 8 : 4;
  static constexpr bool kIsInt8 = true;

  static float PackInputs(const float* x, int in_dim, void* inputs) {
    return QuantizeRow<V>(
        x, in_dim, [inputs](int i, typename V::Float quantized) {
          if constexpr (kWideInputs) {
            V::StoreShorts(static_cast<int16_t*>(inputs) + i, quantized);
          } else {
            V::StoreBytes(static_cast<uint8_t*>(inputs) + i, quantized);
          }
        });
  }

  static void PackColumn(const float* w, int in_dim, size_t stride,
                         uint32_t* lanes, float* scale, int32_t* first_sum) {
    int32_t sum = 0;
    *scale = QuantizeRow<V>(w, in_dim, [&](int i, typename V::Float values) {
      int16_t rounded[V::kWidth];
      V::StoreShorts(rounded, values);
      for (int j = 0; j < V::kWidth && i + j < in_dim; j += 4) {
        const int16_t* four = rounded + j;
        sum += four[0] + four[1] + four[2] + four[3];
        lanes[(i + j) / 4 * stride] = Lane(four);
      }
    });
    *first_sum = kWideInputs ? 0 : -128 * sum;
  }

 private:
  static uint32_t Lane(const int16_t* four) {
    const int second = kWideInputs ? 2 : 1;
    return Byte(four[0]) | Byte(four[second]) << 8 |
           Byte(four[3 - second]) << 16 | Byte(four[3]) << 24;
  }
  static uint32_t Byte(int16_t x) { return static_cast<uint8_t>(x); }
};

template <class VectorType>
struct FloatProduct {
  using V = VectorType;
  using Format = FloatFormat<V>;
  using Sum = typename V::Float;
  using Weights = typename V::Float;
  using Input = typename V::Float;
  static constexpr int kRows = V::kTileRows;
  static constexpr int kVectors = V::kTileVectors;

  static Weights LoadWeights(const uint32_t* lanes) {
    return V::Load(reinterpret_cast<const float*>(lanes));
  }
  static Input LoadInput(const char* p) {
    return V::Set(*reinterpret_cast<const float*>(p));
  }
  static Sum MulAdd(Input x, Weights w, Sum sum) {
    return V::MulAdd(x, w, sum);
  }
};

// bfloat16 without an instruction for it: widened to float, the lower one of a
// pair first.
template <class VectorType>
struct WidenedBFloat16Product {
  using V = VectorType;
  using Format = BFloat16Format<V, /*kWideInputs=*/true>;
  using Sum = typename V::Float;
  struct Weights {
    typename V::Float low, high;
  };
  using Input = Weights;
  static constexpr int kRows = V::kPairTileRows;
  static constexpr int kVectors = V::kTileVectors;

  static Weights LoadWeights(const uint32_t* lanes) {
    const auto pairs = V::LoadInt(lanes);
    return {V::LowHalf(pairs), V::HighHalf(pairs)};
  }
  static Input LoadInput(const char* p) {
    const float* x = reinterpret_cast<const float*>(p);
    return {V::Set(x[0]), V::Set(x[1])};
  }
  static Sum MulAdd(const Input& x, const Weights& w, Sum sum) {
    return V::MulAdd(x.high, w.high, V::MulAdd(x.low, w.low, sum));
  }
};

// int8 without an instruction for it: as pairs of int16, whose products an
// int32 holds exactly.
template <class VectorType>
struct PairsInt8Product {
  using V = VectorType;
  using Format = Int8Format<V, /*kWideInputs=*/true>;
  using Sum = typename V::Int;
  struct Weights {
    typename V::Int low, high;
  };
  using Input = Weights;
  static constexpr int kRows = V::kPairTileRows;
  static constexpr int kVectors = V::kTileVectors;

  static Weights LoadWeights(const uint32_t* lanes) {
    const auto four = V::LoadInt(lanes);
    return {V::LowBytes(four), V::HighBytes(four)};
  }
  static Input LoadInput(const char* p) {
    // Loaded one by one, so that each is broadcast from memory. One load of
    // both is taken apart in registers, at 1.4 times the operations (g++ 12).
    int32_t low, high;
    __builtin_memcpy(&low, p, sizeof(low));
    __builtin_memcpy(&high, p + sizeof(low), sizeof(high));
    return {V::SetInt(low), V::SetInt(high)};
  }
  static Sum MulAdd(const Input& x, const Weights& w, Sum sum) {
    return V::MulAddPairs(x.high, w.high, V::MulAddPairs(x.low, w.low, sum));
  }

  static constexpr int kRowValues = 2 * V::kWidth;
  static Sum LoadRow(const int8_t* w) { return V::LoadBytesAsShorts(w); }
  static Sum MulAddRow(Sum x, Sum w, Sum sum) {
    return V::MulAddPairs(x, w, sum);
  }
};

// The register tile of a product: kRows rows of inputs against P::kVectors
// vectors of columns. Each sum runs over the steps in order, whatever the tile,
// so that a row has the same bits in any tile.
template <class P, int kRows>
struct ProductTile {
  typename P::Sum sums[kRows][P::kVectors];

  void Clear() {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < P::kVectors; ++v) sums[r][v] = P::V::Zero();
    }
  }

  // The same row of sums for all rows of the tile.
  void Start(const int32_t* row) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < P::kVectors; ++v) {
        sums[r][v] = P::V::LoadInt(row + v * P::V::kWidth);
      }
    }
  }

  // Partial sums, rows of P::kVectors vectors.
  void Load(const uint32_t* partial) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < P::kVectors; ++v, partial += P::V::kWidth) {
        __builtin_memcpy(&sums[r][v], partial, sizeof(sums[r][v]));
      }
    }
  }
  void Store(uint32_t* partial) const {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < P::kVectors; ++v, partial += P::V::kWidth) {
        __builtin_memcpy(partial, &sums[r][v], sizeof(sums[r][v]));
      }
    }
  }

  // One step of inputs, `stride` bytes from row to row, and of a panel.
  void Step(const char* inputs, size_t stride, const uint32_t* lanes) {
    typename P::Weights weights[P::kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < P::kVectors; ++v) {
      weights[v] = P::LoadWeights(lanes + v * P::V::kWidth);
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const auto input = P::LoadInput(inputs + r * stride);
#pragma GCC unroll 8
      for (int v = 0; v < P::kVectors; ++v) {
        sums[r][v] = P::MulAdd(input, weights[v], sums[r][v]);
      }
    }
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PRODUCT_H_
