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

// Mean first, then the squared differences from it: sums of squares alone lose
// all digits when the mean is large.
template <class V>
void LayerNormRow(const float* x, const float* gain, const float* bias,
                  float epsilon, int dim, float* y) {
  auto sum = V::Zero();
  ForEachVector<V>(
      dim, [&](int i) { sum = V::Add(sum, V::Load(x + i)); },
      [&](int i, int count) { sum = V::Add(sum, V::LoadPart(x + i, count)); });
  const auto mean = V::Set(V::Sum(sum) / dim);

  auto squares = V::Zero();
  ForEachVector<V>(
      dim,
      [&](int i) {
        const auto difference = V::Sub(V::Load(x + i), mean);
        squares = V::MulAdd(difference, difference, squares);
      },
      [&](int i, int count) {
        const auto difference = V::KeepPart(
            V::Sub(V::LoadPart(x + i, count), mean), V::Zero(), count);
        squares = V::MulAdd(difference, difference, squares);
      });
  const auto inverse =
      V::Set(1.0f / __builtin_sqrtf(V::Sum(squares) / dim + epsilon));

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
  const auto all =
      V::Max(V::Max(largest[0], largest[1]), V::Max(largest[2], largest[3]));
  float result = V::Largest(all);
  ForEachVector<V>(
      count - i,
      [&](int rest) {
        const float one = V::Largest(V::Load(x + i + rest));
        if (one > result) result = one;
      },
      [&](int rest, int left) {
        const float one = V::Largest(
            V::KeepPart(V::LoadPart(x + i + rest, left), lowest, left));
        if (one > result) result = one;
      });
  return result;
}

template <class V>
float SumOfExp(const float* x, int count, float largest) {
  const auto max = V::Set(largest);
  auto sum = V::Zero();
  ForEachVector<V>(
      count,
      [&](int i) { sum = V::Add(sum, Exp<V>(V::Sub(V::Load(x + i), max))); },
      [&](int i, int rest) {
        const auto exp = Exp<V>(V::KeepPart(
            V::Sub(V::LoadPart(x + i, rest), max), V::Zero(), rest));
        sum = V::Add(sum, V::KeepPart(exp, V::Zero(), rest));
      });
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

template <class V>
void TopKOfRow(const float* x, int count, int first, int k, float* values,
               int32_t* indices) {
  BestList<V> best(k, values, indices);
  int i = 0;
  for (; i + V::kWidth <= count; i += V::kWidth) {
    uint32_t bits = V::GreaterBits(V::Load(x + i), V::Set(best.bar()));
    for (; bits != 0; bits &= bits - 1) {
      const int index = i + __builtin_ctz(bits);
      best.Insert(x[index], first + index);
    }
  }
  for (; i < count; ++i) best.Insert(x[i], first + i);
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_ROWS_H_
