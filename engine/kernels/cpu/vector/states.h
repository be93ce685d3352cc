#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_STATES_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_STATES_H_

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// Decoder states, one row at a time.

// ((count - 1) before + x) / count
template <class V>
void AverageRow(const StateRow& row, const float* x, int count) {
  // The mean of one is that one, so x stands for the state before the first.
  const float* const before = row.before != nullptr ? row.before : x;
  const auto weight = V::Set(static_cast<float>(count - 1));
  const auto divisor = V::Set(static_cast<float>(count));
  ForEachVector<V>(
      row.dim,
      [&](int i) {
        const auto sum = V::MulAdd(V::Load(before + i), weight, V::Load(x + i));
        V::Store(row.state + i, V::Div(sum, divisor));
      },
      [&](int i, int rest) {
        const auto sum = V::MulAdd(V::LoadPart(before + i, rest), weight,
                                   V::LoadPart(x + i, rest));
        V::StorePart(row.state + i, V::Div(sum, divisor), rest);
      });
}

// f before + (1 - f) input with f = sigmoid(forget), as input + f (before -
// input).
template <class V>
inline typename V::Float SsruState(typename V::Float before,
                                   typename V::Float input,
                                   typename V::Float forget) {
  return V::MulAdd(Sigmoid<V>(forget), V::Sub(before, input), input);
}

template <class V>
void SsruRow(const StateRow& row, const float* input, const float* forget,
             float* y) {
  const float* const before = row.before;
  ForEachVector<V>(
      row.dim,
      [&](int i) {
        const auto state =
            SsruState<V>(before != nullptr ? V::Load(before + i) : V::Zero(),
                         V::Load(input + i), V::Load(forget + i));
        V::Store(row.state + i, state);
        V::Store(y + i, V::Add(V::Load(y + i), V::Max(state, V::Zero())));
      },
      [&](int i, int rest) {
        const auto state = SsruState<V>(
            before != nullptr ? V::LoadPart(before + i, rest) : V::Zero(),
            V::LoadPart(input + i, rest), V::LoadPart(forget + i, rest));
        V::StorePart(row.state + i, state, rest);
        V::StorePart(y + i,
                     V::Add(V::LoadPart(y + i, rest), V::Max(state, V::Zero())),
                     rest);
      });
}

template <class V>
void AddGatedRow(const float* a_gate, const float* a_value, const float* b_gate,
                 const float* b_value, int dim, float* y) {
  ForEachVector<V>(
      dim,
      [&](int i) {
        auto sum = V::Load(y + i);
        sum = V::MulAdd(Sigmoid<V>(V::Load(a_gate + i)), V::Load(a_value + i),
                        sum);
        sum = V::MulAdd(Sigmoid<V>(V::Load(b_gate + i)), V::Load(b_value + i),
                        sum);
        V::Store(y + i, sum);
      },
      [&](int i, int rest) {
        auto sum = V::LoadPart(y + i, rest);
        sum = V::MulAdd(Sigmoid<V>(V::LoadPart(a_gate + i, rest)),
                        V::LoadPart(a_value + i, rest), sum);
        sum = V::MulAdd(Sigmoid<V>(V::LoadPart(b_gate + i, rest)),
                        V::LoadPart(b_value + i, rest), sum);
        V::StorePart(y + i, sum, rest);
      });
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_STATES_H_
