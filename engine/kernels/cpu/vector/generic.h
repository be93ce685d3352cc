#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_GENERIC_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_GENERIC_H_

#include <stdint.h>

namespace peregrine::kernels {

// Vectors of 4 floats in the compilers' own notation, which they map to what
// the machine at least has (SSE2, NEON). Same members as Avx2 and Avx512.
struct Generic {
  typedef float Float __attribute__((vector_size(16)));
  static constexpr int kWidth = 4;
  static constexpr int kTileRows = 4;     // of a matmul's register tile:
  static constexpr int kTileVectors = 2;  // 8 sums, 2 weights, 1 input, 1 spare

  static Float Zero() { return Set(0.0f); }
  static Float Set(float x) { return Float{x, x, x, x}; }
  static Float Load(const float* p) {
    Float x;
    __builtin_memcpy(&x, p, sizeof(x));
    return x;
  }
  static void Store(float* p, Float x) { __builtin_memcpy(p, &x, sizeof(x)); }
  // The first `count` < kWidth elements; the others read as zero.
  static Float LoadPart(const float* p, int count) {
    Float x = Zero();
    for (int i = 0; i < count; ++i) x[i] = p[i];
    return x;
  }
  static void StorePart(float* p, Float x, int count) {
    for (int i = 0; i < count; ++i) p[i] = x[i];
  }
  // `x` in the first `count` elements, `rest` in the others.
  static Float KeepPart(Float x, Float rest, int count) {
    for (int i = 0; i < count; ++i) rest[i] = x[i];
    return rest;
  }

  static Float Add(Float a, Float b) { return a + b; }
  static Float Sub(Float a, Float b) { return a - b; }
  static Float Mul(Float a, Float b) { return a * b; }
  static Float Div(Float a, Float b) { return a / b; }
  static Float Max(Float a, Float b) { return a > b ? a : b; }
  static Float Min(Float a, Float b) { return a < b ? a : b; }
  // a b + c, rounded twice
  static Float MulAdd(Float a, Float b, Float c) { return a * b + c; }
  // To the nearest integer, of |x| < 2^22.
  static Float Round(Float x) {
    const Float magic = Set(12582912.0f);  // 1.5 x 2^23: no bits for fractions
    return (x + magic) - magic;
  }
  // x 2^n of an integral n in [-126, 127]
  static Float Scale2(Float x, Float n) {
    typedef int32_t Int __attribute__((vector_size(16)));
    const Int exponent = __builtin_convertvector(n, Int) + 127;
    return x * reinterpret_cast<Float>(exponent << 23);
  }
  // Bit i: a[i] > b[i].
  static uint32_t GreaterBits(Float a, Float b) {
    uint32_t bits = 0;
    for (int i = 0; i < kWidth; ++i) bits |= uint32_t{a[i] > b[i]} << i;
    return bits;
  }
  static float Sum(Float x) { return (x[0] + x[2]) + (x[1] + x[3]); }
  static float Largest(Float x) {
    const float even = x[0] > x[2] ? x[0] : x[2];
    const float odd = x[1] > x[3] ? x[1] : x[3];
    return even > odd ? even : odd;
  }
  // The sums of four vectors, one after another.
  static void StoreSums(float* p, Float a, Float b, Float c, Float d) {
    Store(p, Float{Sum(a), Sum(b), Sum(c), Sum(d)});
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_GENERIC_H_
