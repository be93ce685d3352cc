#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ROWS_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ROWS_H_

#include <stdint.h>

#include "engine/kernels/cpu/vector/for_each_vector.h"
#include "engine/kernels/cpu/vector/math.h"
#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// Operations on one row at a time.

// How the elements of a row are kept.
template <class V>
struct FloatRow {
  using Element = float;
  static typename V::Float Load(const float* p) { return V::Load(p); }
  static typename V::Float LoadPart(const float* p, int count) {
    return V::LoadPart(p, count);
  }
};

template <class V>
struct BFloat16Row {
  using Element = uint16_t;
  static typename V::Float Load(const uint16_t* p) {
    return V::LoadBFloat16(p);
  }
  static typename V::Float LoadPart(const uint16_t* p, int count) {
    uint16_t part[V::kWidth] = {};
    for (int i = 0; i < count; ++i) part[i] = p[i];
    return V::LoadBFloat16(part);
  }
};

template <class V>
void StoreBFloat16Row(const float* x, int count, uint16_t* y) {
  ForEachVector<V>(
      count, [&](int i) { V::StoreBFloat16(y + i, V::Load(x + i)); },
      [&](int i, int rest) {
        uint16_t part[V::kWidth];
        V::StoreBFloat16(part, V::LoadPart(x + i, rest));
        for (int j = 0; j < rest; ++j) y[i + j] = part[j];
      });
}

template <class V, class Row>
void EmbedRow(const typename Row::Element* token, const float* position,
              float scale, int dim, float* y) {
  const auto factor = V::Set(scale);
  ForEachVector<V>(
      dim,
      [&](int i) {
        V::Store(y + i, V::MulAdd(factor, Row::Load(token + i),
                                  V::Load(position + i)));
      },
      [&](int i, int count) {
        V::StorePart(y + i,
                     V::MulAdd(factor, Row::LoadPart(token + i, count),
                               V::LoadPart(position + i, count)),
                     count);
      });
}

template <class V>
void EmbedInt8Row(const int8_t* token, float token_scale, const float* position,
                  float scale, int dim, float* y) {
  const auto factor = V::Set(scale);
  const auto token_factor = V::Set(token_scale);
  const auto embed = [&](const int8_t* p, typename V::Float at) {
    return V::MulAdd(factor, V::Mul(token_factor, V::LoadBytes(p)), at);
  };
  ForEachVector<V>(
      dim,
      [&](int i) { V::Store(y + i, embed(token + i, V::Load(position + i))); },
      [&](int i, int count) {
        int8_t part[V::kWidth] = {};
        for (int j = 0; j < count; ++j) part[j] = token[i + j];
        V::StorePart(y + i, embed(part, V::LoadPart(position + i, count)),
                     count);
      });
}

// Four sums side by side: one alone would wait for each addition in turn.
// add(sum, x) is the sum with a vector of x.
template <class V, class Add>
inline float SumOverRow(const float* x, int count, Add add) {
  typename V::Float sums[4] = {V::Zero(), V::Zero(), V::Zero(), V::Zero()};
  int i = 0;
  for (; i + 4 * V::kWidth <= count; i += 4 * V::kWidth) {
    for (int j = 0; j < 4; ++j) {
      sums[j] = add(sums[j], V::Load(x + i + j * V::kWidth));
    }
  }
  ForEachVector<V>(
      count - i,
      [&](int rest) { sums[0] = add(sums[0], V::Load(x + i + rest)); },
      [&](int rest, int left) {
        sums[0] = V::KeepPart(add(sums[0], V::LoadPart(x + i + rest, left)),
                              sums[0], left);
      });
  return V::Sum(V::Add(V::Add(sums[0], sums[1]), V::Add(sums[2], sums[3])));
}

// Mean first, then the squared differences from it: sums of squares alone lose
// all digits when the mean is large.
template <class V>
void LayerNormRow(const float* x, const float* gain, const float* bias,
                  float epsilon, int dim, float* y) {
  using Float = typename V::Float;
  const float total = SumOverRow<V>(
      x, dim, [](Float sum, Float values) { return V::Add(sum, values); });
  const auto mean = V::Set(total / dim);
  const float squares = SumOverRow<V>(x, dim, [mean](Float sum, Float values) {
    const Float difference = V::Sub(values, mean);
    return V::MulAdd(difference, difference, sum);
  });
  const auto inverse = V::Set(1.0f / __builtin_sqrtf(squares / dim + epsilon));

  ForEachVector<V>(
      dim,
      [&](int i) {
        const auto normal = V::Mul(V::Sub(V::Load(x + i), mean), inverse);
        V::Store(y + i,
                 V::MulAdd(normal, V::Load(gain + i), V::Load(bias + i)));
      },
      [&](int i, int count) {
        const auto normal =
            V::Mul(V::Sub(V::LoadPart(x + i, count), mean), inverse);
        V::StorePart(y + i,
                     V::MulAdd(normal, V::LoadPart(gain + i, count),
                               V::LoadPart(bias + i, count)),
                     count);
      });
}

template <class V>
void RmsNormRow(const float* x, const float* gain, float epsilon, int dim,
                float* y) {
  using Float = typename V::Float;
  const float squares = SumOverRow<V>(x, dim, [](Float sum, Float values) {
    return V::MulAdd(values, values, sum);
  });
  const auto inverse = V::Set(1.0f / __builtin_sqrtf(squares / dim + epsilon));
  ForEachVector<V>(
      dim,
      [&](int i) {
        V::Store(y + i,
                 V::Mul(V::Mul(V::Load(x + i), inverse), V::Load(gain + i)));
      },
      [&](int i, int count) {
        V::StorePart(y + i,
                     V::Mul(V::Mul(V::LoadPart(x + i, count), inverse),
                            V::LoadPart(gain + i, count)),
                     count);
      });
}

template <class V>
void NormRow(const float* x, const float* gain, const float* bias,
             float epsilon, int dim, float* y) {
  if (bias == nullptr) {
    RmsNormRow<V>(x, gain, epsilon, dim, y);
  } else {
    LayerNormRow<V>(x, gain, bias, epsilon, dim, y);
  }
}

template <class V>
inline typename V::Float Activated(Activation activation, typename V::Float x) {
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return V::Max(x, V::Zero());
    case Activation::kGelu:
      return Gelu<V>(x);
    case Activation::kSwish:
      return Swish<V>(x);
    case Activation::kGeluTanh:
      return GeluTanh<V>(x);
  }
  return x;
}

// y = activation(gate) * value
template <class V>
void ActivateGatedRow(Activation activation, const float* gate,
                      const float* value, int dim, float* y) {
  ForEachVector<V>(
      dim,
      [&](int i) {
        V::Store(y + i, V::Mul(Activated<V>(activation, V::Load(gate + i)),
                               V::Load(value + i)));
      },
      [&](int i, int rest) {
        const auto activated =
            Activated<V>(activation, V::LoadPart(gate + i, rest));
        V::StorePart(y + i, V::Mul(activated, V::LoadPart(value + i, rest)),
                     rest);
      });
}

// x += value
template <class V>
void AddToRow(typename V::Float value, int count, float* x) {
  ForEachVector<V>(
      count, [&](int i) { V::Store(x + i, V::Add(V::Load(x + i), value)); },
      [&](int i, int rest) {
        V::StorePart(x + i, V::Add(V::LoadPart(x + i, rest), value), rest);
      });
}

// y += x
template <class V>
void AddRow(const float* x, int count, float* y) {
  ForEachVector<V>(
      count,
      [&](int i) { V::Store(y + i, V::Add(V::Load(y + i), V::Load(x + i))); },
      [&](int i, int rest) {
        V::StorePart(y + i,
                     V::Add(V::LoadPart(y + i, rest), V::LoadPart(x + i, rest)),
                     rest);
      });
}

// Adds to the scores of a query at `position` what stands in the table of one
// head: the first entry for all keys far before it, the last for all far
// behind.
template <class V>
void AddDistanceBias(const DistanceBias& bias, int position, int length,
                     float* scores) {
  const int max = bias.max_distance;
  const int near_begin = position > max ? position - max : 0;
  const int near_end =
      position + max + 1 < length ? position + max + 1 : length;
  AddToRow<V>(V::Set(bias.table[0]), near_begin, scores);
  AddRow<V>(bias.table + (near_begin - position + max), near_end - near_begin,
            scores + near_begin);
  AddToRow<V>(V::Set(bias.table[2 * max]), length - near_end,
              scores + near_end);
}

// y = max(y + x, 0)
template <class V>
void AddReluRow(const float* x, int count, float* y) {
  ForEachVector<V>(
      count,
      [&](int i) {
        V::Store(y + i,
                 V::Max(V::Add(V::Load(y + i), V::Load(x + i)), V::Zero()));
      },
      [&](int i, int rest) {
        const auto sum =
            V::Add(V::LoadPart(y + i, rest), V::LoadPart(x + i, rest));
        V::StorePart(y + i, V::Max(sum, V::Zero()), rest);
      });
}

// Four results side by side: one after another, each would wait for the one
// before.
template <class V>
float LargestOfRow(const float* x, int count) {
  const auto lowest = V::Set(-__builtin_inff());
  typename V::Float largest[4] = {lowest, lowest, lowest, lowest};
  int i = 0;
  for (; i + 4 * V::kWidth <= count; i += 4 * V::kWidth) {
    for (int j = 0; j < 4; ++j) {
      largest[j] = V::Max(largest[j], V::Load(x + i + j * V::kWidth));
    }
  }
  ForEachVector<V>(
      count - i,
      [&](int rest) { largest[0] = V::Max(largest[0], V::Load(x + i + rest)); },
      [&](int rest, int left) {
        largest[0] =
            V::Max(largest[0],
                   V::KeepPart(V::LoadPart(x + i + rest, left), lowest, left));
      });
  return V::Largest(
      V::Max(V::Max(largest[0], largest[1]), V::Max(largest[2], largest[3])));
}

template <class V>
float SumOfExp(const float* x, int count, float reference, float* largest) {
  using Float = typename V::Float;
  const auto lowest = V::Set(-__builtin_inff());
  const auto at = V::Set(reference);
  Float max = lowest;
  Float sum = V::Zero();
  ForEachVector<V>(
      count,
      [&](int i) {
        const Float values = V::Load(x + i);
        max = V::Max(max, values);
        sum = V::Add(sum, RoughExp<V>(V::Sub(values, at)));
      },
      [&](int i, int rest) {
        const Float values =
            V::KeepPart(V::LoadPart(x + i, rest), lowest, rest);
        max = V::Max(max, values);
        const Float exp = RoughExp<V>(V::Sub(values, at));
        sum = V::Add(sum, V::KeepPart(exp, V::Zero(), rest));
      });
  *largest = V::Largest(max);
  return V::Sum(sum);
}

// The k best so far, in order; values[k - 1] is the bar that others must clear.
template <class V>
class BestList {
 public:
  BestList(int k, float* values, int32_t* indices)
      : k_(k), values_(values), indices_(indices) {}

  float bar() const { return values_[k_ - 1]; }

  // Indices come in rising order, so an equal value stays behind.
  void Insert(float value, int32_t index) {
    if (!(value > bar())) return;
    int place = k_ - 1;
    for (; place > 0 && value > values_[place - 1]; --place) {
      values_[place] = values_[place - 1];
      indices_[place] = indices_[place - 1];
    }
    values_[place] = value;
    indices_[place] = index;
  }

 private:
  const int k_;
  float* const values_;
  int32_t* const indices_;
};

// A value below the k largest elements, but not far: below the k-th of the
// largest in each lane. -infinity where that says nothing.
template <class V>
inline float FloorOfBest(const float* x, int count, int k) {
  const auto lowest = V::Set(-__builtin_inff());
  if (k > V::kWidth || count < V::kWidth) return -__builtin_inff();
  typename V::Float largest = lowest;
  for (int i = 0; i + V::kWidth <= count; i += V::kWidth) {
    largest = V::Max(largest, V::Load(x + i));
  }
  float lanes[V::kWidth];
  V::Store(lanes, largest);
  float best = -__builtin_inff();
  for (float lane : lanes) {
    const int greater =
        __builtin_popcount(V::GreaterBits(V::Set(lane), largest));
    const bool reached_by_k = V::kWidth - greater >= k;
    best = reached_by_k && lane > best ? lane : best;
  }
  const bool is_finite = best - best == 0.0f;
  if (!is_finite) return -__builtin_inff();
  const float magnitude = best < 0.0f ? -best : best;
  return best - (1e-6f * magnitude + 1e-30f);
}

// The list of the first elements of a row is empty: what cannot stay in it is
// kept out by a floor, since each insertion costs two mispredicted branches.
template <class V>
void TopKOfRow(const float* x, int count, int first, int k, float* values,
               int32_t* indices) {
  BestList<V> best(k, values, indices);
  const bool is_empty = best.bar() == -__builtin_inff();
  const float floor =
      is_empty ? FloorOfBest<V>(x, count, k) : -__builtin_inff();
  int i = 0;
  for (; i + V::kWidth <= count; i += V::kWidth) {
    const float bar = best.bar() > floor ? best.bar() : floor;
    uint32_t bits = V::GreaterBits(V::Load(x + i), V::Set(bar));
    for (; bits != 0; bits &= bits - 1) {
      const int index = i + __builtin_ctz(bits);
      best.Insert(x[index], first + index);
    }
  }
  for (; i < count; ++i) best.Insert(x[i], first + i);
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ROWS_H_
