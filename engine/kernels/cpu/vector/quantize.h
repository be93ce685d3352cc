#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_QUANTIZE_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_QUANTIZE_H_

#include "engine/kernels/cpu/vector/for_each_vector.h"

namespace peregrine::kernels {

template <class V>
float LargestMagnitudeOfRow(const float* x, int count) {
  typename V::Float largest[4] = {V::Zero(), V::Zero(), V::Zero(), V::Zero()};
  int i = 0;
  for (; i + 4 * V::kWidth <= count; i += 4 * V::kWidth) {
    for (int j = 0; j < 4; ++j) {
      largest[j] = V::Max(largest[j], V::Abs(V::Load(x + i + j * V::kWidth)));
    }
  }
  ForEachVector<V>(
      count - i,
      [&](int rest) {
        largest[0] = V::Max(largest[0], V::Abs(V::Load(x + i + rest)));
      },
      [&](int rest, int left) {
        largest[0] =
            V::Max(largest[0], V::Abs(V::LoadPart(x + i + rest, left)));
      });
  return V::Largest(
      V::Max(V::Max(largest[0], largest[1]), V::Max(largest[2], largest[3])));
}

// Calls store(i, x / scale) for the vectors of a row; past its end stand zeros.
// Returns the scale, with which all magnitudes are at most 127. A row of zeros,
// or of magnitudes whose inverse is no number, gives zeros and the scale 0.
template <class V, class Store>
inline float QuantizeRow(const float* x, int count, Store store) {
  constexpr float kSmallest = 1e-35f;
  const float largest = LargestMagnitudeOfRow<V>(x, count);
  const bool vanishes = largest < kSmallest;
  const auto factor = V::Set(vanishes ? 0.0f : 127.0f / largest);
  ForEachVector<V>(
      count, [&](int i) { store(i, V::Mul(V::Load(x + i), factor)); },
      [&](int i, int rest) {
        store(i, V::Mul(V::LoadPart(x + i, rest), factor));
      });
  return vanishes ? 0.0f : largest / 127.0f;
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_QUANTIZE_H_
