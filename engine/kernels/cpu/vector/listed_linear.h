#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LISTED_LINEAR_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LISTED_LINEAR_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// ListedLinear by the product P, whose steps along a row of W are
//   kRowValues            values of the depth in a step
//   LoadRow(w)            those of one output, from memory
//   MulAddRow(x, w, sum)  with the inputs of the same step
// A few outputs at a time go by a few rows of inputs. They lie anywhere in a
// matrix that is larger than the near caches: those after next are fetched
// meanwhile.
template <class P>
class ListedOutputs {
  using V = typename P::V;
  using Format = typename P::Format;
  using Int = typename V::Int;
  static constexpr int kTogether = 4;  // outputs
  static constexpr int kGroupsAhead = 2;
  // Of inputs: as many sums as registers leave room for.
  static constexpr int kMaxRows = V::kWidth >= 16 ? 4 : 2;
  static constexpr int kLine = 64;

 public:
  static void Run(const ListedLinear& listed) {
    for (int row = 0; row < listed.rows; row += kMaxRows) {
      const int left = listed.rows - row;
      RunSome<kMaxRows>(left < kMaxRows ? left : kMaxRows, listed, row);
    }
  }

 private:
  static const int8_t* Row(const ListedLinear& listed, int i) {
    const int last = listed.count - 1;
    const int32_t output = listed.outputs[i < last ? i : last];
    return listed.weight + static_cast<size_t>(output) * listed.row_bytes;
  }

  // RunRows<rows>, for rows in [1, kRows].
  template <int kRows>
  static void RunSome(int rows, const ListedLinear& listed, int row) {
    if constexpr (kRows > 1) {
      if (rows < kRows) return RunSome<kRows - 1>(rows, listed, row);
    }
    RunRows<kRows>(listed, row);
  }

  template <int kRows>
  __attribute__((noinline)) static void RunRows(const ListedLinear& listed,
                                                int row) {
    for (int i = 0; i < listed.count; i += kTogether) {
      int32_t sums[kRows][kTogether];
      Multiply<kRows>(listed, row, i, sums);
      const int left = listed.count - i;
      const int outputs = left < kTogether ? left : kTogether;
      for (int r = 0; r < kRows; ++r) {
        __builtin_memcpy(listed.y + (row + r) * listed.y_stride + i, sums[r],
                         outputs * sizeof(int32_t));
      }
    }
    for (int r = row; r < row + kRows; ++r) Finish(listed, r);
  }

  template <int kRows>
  static inline __attribute__((always_inline)) void Multiply(
      const ListedLinear& listed, int row, int first,
      int32_t (&results)[kRows][kTogether]) {
    constexpr int kInputBytes = Format::kInputBytes / Format::kDepth;
    const char* const x =
        static_cast<const char*>(listed.inputs) + row * listed.input_stride;
    const int8_t* rows[kTogether];
    const int8_t* ahead[kTogether];
    Int sums[kRows][kTogether];
#pragma GCC unroll 4
    for (int j = 0; j < kTogether; ++j) {
      rows[j] = Row(listed, first + j);
      ahead[j] = Row(listed, first + kGroupsAhead * kTogether + j);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) sums[r][j] = V::SetInt(0);
    }
    for (int at = 0; at < listed.row_bytes; at += kLine) {
#pragma GCC unroll 4
      for (int j = 0; j < kTogether; ++j) __builtin_prefetch(ahead[j] + at);
#pragma GCC unroll 8
      for (int i = at; i < at + kLine; i += P::kRowValues) {
        Int weights[kTogether];
#pragma GCC unroll 4
        for (int j = 0; j < kTogether; ++j) {
          weights[j] = P::LoadRow(rows[j] + i);
        }
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) {
          const Int inputs =
              V::LoadInt(x + r * listed.input_stride + i * kInputBytes);
#pragma GCC unroll 4
          for (int j = 0; j < kTogether; ++j) {
            sums[r][j] = P::MulAddRow(inputs, weights[j], sums[r][j]);
          }
        }
      }
    }
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      V::StoreIntSums(results[r], sums[r][0], sums[r][1], sums[r][2],
                      sums[r][3]);
    }
  }

  // Of a row of sums, as LinearResults.
  static void Finish(const ListedLinear& listed, int row) {
    float* const y = listed.y + row * listed.y_stride;
    const auto input_scale = V::Set(listed.input_scales[row]);
    const auto result = [&](Int sums, Int first_sums, auto scales, auto bias) {
      return V::Add(
          V::Mul(V::Mul(V::ToFloat(V::AddInt(sums, first_sums)), scales),
                 input_scale),
          bias);
    };
    ForEachVector<V>(
        listed.count,
        [&](int i) {
          V::Store(y + i,
                   result(V::LoadInt(y + i), V::LoadInt(listed.first_sums + i),
                          V::Load(listed.weight_scales + i),
                          V::Load(listed.bias + i)));
        },
        [&](int i, int rest) {
          int32_t sums[V::kWidth] = {};
          int32_t first_sums[V::kWidth] = {};
          __builtin_memcpy(sums, y + i, rest * sizeof(int32_t));
          __builtin_memcpy(first_sums, listed.first_sums + i,
                           rest * sizeof(int32_t));
          V::StorePart(y + i,
                       result(V::LoadInt(sums), V::LoadInt(first_sums),
                              V::LoadPart(listed.weight_scales + i, rest),
                              V::LoadPart(listed.bias + i, rest)),
                       rest);
        });
  }
};

// LinearOps::run_listed of the product P.
template <class P>
constexpr auto RunListedOf() -> void (*)(const ListedLinear&) {
  if constexpr (P::Format::kIsInt8) return ListedOutputs<P>::Run;
  return nullptr;
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_LISTED_LINEAR_H_
