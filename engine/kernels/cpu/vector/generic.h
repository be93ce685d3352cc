#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_GENERIC_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_GENERIC_H_

#include <stdint.h>

namespace peregrine::kernels {

// Vectors of 4 floats or lanes of 4 bytes in the compilers' own notation, which
// they map to what the machine at least has (SSE2, NEON). Same members as Avx2
// and Avx512.
struct Generic {
  typedef float Float __attribute__((vector_size(16)));
  typedef int32_t Int __attribute__((vector_size(16)));
  static constexpr int kWidth = 4;
  static constexpr int kInt8StepsAhead = 0;
  static constexpr int kTileRows = 4;     // of a matmul's register tile:
  static constexpr int kTileVectors = 2;  // 8 sums, 2 weights, 1 input, 1 spare
  static constexpr int kPairTileRows =
      2;  // of one of pairs: 4 sums, 4 weights, 2 inputs

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

  static Int LoadInt(const void* p) {
    Int x;
    __builtin_memcpy(&x, p, sizeof(x));
    return x;
  }
  static void StoreInt(void* p, Int x) { __builtin_memcpy(p, &x, sizeof(x)); }
  static Int SetInt(int32_t x) { return Int{x, x, x, x}; }
  static Int AddInt(Int a, Int b) { return a + b; }
  // Sums of the products of pairs of int16.
  static Int MulAddPairs(Int a, Int b, Int c) {
    return c + ((a << 16) >> 16) * ((b << 16) >> 16) + (a >> 16) * (b >> 16);
  }
  // The lower and the upper bytes of int16, sign-extended to them.
  static Int LowBytes(Int x) {
    return reinterpret_cast<Int>((reinterpret_cast<Short>(x) << 8) >> 8);
  }
  static Int HighBytes(Int x) {
    return reinterpret_cast<Int>(reinterpret_cast<Short>(x) >> 8);
  }
  // As many bytes as there are int16, sign-extended to them.
  static Int LoadBytesAsShorts(const int8_t* p) {
    return reinterpret_cast<Int>(
        Short{p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]});
  }
  static Float ToFloat(Int x) { return __builtin_convertvector(x, Float); }
  // The lower and the upper bfloat16 of each lane.
  static Float LowHalf(Int x) { return reinterpret_cast<Float>(x << 16); }
  static Float HighHalf(Int x) {
    return reinterpret_cast<Float>(x & static_cast<int32_t>(0xffff0000u));
  }
  static Float LoadBFloat16(const uint16_t* p) {
    return LowHalf(Int{p[0], p[1], p[2], p[3]});
  }
  static Float LoadBytes(const int8_t* p) {
    return ToFloat(Int{p[0], p[1], p[2], p[3]});
  }
  // To the nearest integer, ties to even.
  static void StoreShorts(int16_t* p, Float x) {
    const Int rounded = __builtin_convertvector(Round(x), Int);
    for (int i = 0; i < kWidth; ++i) p[i] = static_cast<int16_t>(rounded[i]);
  }
  // Rounded to bfloat16, to nearest, ties to even; kept as float. A NaN stays
  // one: see ToBFloat16.
  static Float RoundToBFloat16(Float x) {
    typedef uint32_t Bits __attribute__((vector_size(16)));
    const Bits bits = reinterpret_cast<Bits>(x);
    const Bits is_nan = reinterpret_cast<Bits>(x != x);
    const Bits rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
    return HighHalf(reinterpret_cast<Int>((rounded & ~is_nan) |
                                          ((bits | 0x400000u) & is_nan)));
  }
  static void StoreBFloat16(uint16_t* p, Float x) {
    const Int bits = reinterpret_cast<Int>(RoundToBFloat16(x)) >> 16;
    for (int i = 0; i < kWidth; ++i) p[i] = static_cast<uint16_t>(bits[i]);
  }

  static Float Add(Float a, Float b) { return a + b; }
  static Float Sub(Float a, Float b) { return a - b; }
  static Float Mul(Float a, Float b) { return a * b; }
  static Float Div(Float a, Float b) { return a / b; }
  static Float Max(Float a, Float b) { return a > b ? a : b; }
  static Float Min(Float a, Float b) { return a < b ? a : b; }
  static Float Abs(Float x) {
    return reinterpret_cast<Float>(reinterpret_cast<Int>(x) & 0x7fffffff);
  }
  // a b + c, rounded twice
  static Float MulAdd(Float a, Float b, Float c) { return a * b + c; }
  // To the nearest integer, of |x| < 2^22.
  static Float Round(Float x) {
    const Float magic = Set(12582912.0f);  // 1.5 x 2^23: no bits for fractions
    return (x + magic) - magic;
  }
  // x 2^n of an integral n in [-126, 127]
  static Float Scale2(Float x, Float n) {
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
  static void StoreIntSums(int32_t* p, Int a, Int b, Int c, Int d) {
    const Int* const vectors[] = {&a, &b, &c, &d};
    for (int i = 0; i < 4; ++i) {
      const Int& x = *vectors[i];
      p[i] = x[0] + x[1] + x[2] + x[3];
    }
  }
  // Four columns of a matrix of kWidth rows, which begin at rows[r] + column.
  static void LoadColumns(const float* const* rows, int column,
                          Float* columns) {
    for (int j = 0; j < 4; ++j) {
      columns[j] = Float{rows[0][column + j], rows[1][column + j],
                         rows[2][column + j], rows[3][column + j]};
    }
  }

 private:
  typedef int16_t Short __attribute__((vector_size(16)));
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_GENERIC_H_
