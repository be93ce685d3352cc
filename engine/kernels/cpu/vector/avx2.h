#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX2_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX2_H_

#include <immintrin.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/product.h"

namespace peregrine::kernels {

// Vectors of 8 floats or lanes of 4 bytes. Same members as Avx512 and Generic.
struct Avx2 {
  using Float = __m256;
  using Int = __m256i;
  static constexpr int kWidth = 8;
  // Steps ahead that int8 weights are fetched which are read once: a lone base
  // sentence takes 1.16 times less on Zen 3. Floats would take longer.
  static constexpr int kInt8StepsAhead = 64;
  static constexpr int kTileRows = 6;     // of a matmul's register tile:
  static constexpr int kTileVectors = 2;  // 12 sums, 2 weights, 1 input of 16
  static constexpr int kPairTileRows =
      4;  // of one of pairs: 8 sums, 4 weights, 2 inputs

  static Float Zero() { return _mm256_setzero_ps(); }
  static Float Set(float x) { return _mm256_set1_ps(x); }
  static Float Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, Float x) { _mm256_storeu_ps(p, x); }
  // The first `count` < kWidth elements; the others read as zero.
  static Float LoadPart(const float* p, int count) {
    return _mm256_maskload_ps(p, PartMask(count));
  }
  static void StorePart(float* p, Float x, int count) {
    _mm256_maskstore_ps(p, PartMask(count), x);
  }
  // `x` in the first `count` elements, `rest` in the others.
  static Float KeepPart(Float x, Float rest, int count) {
    return _mm256_blendv_ps(rest, x, _mm256_castsi256_ps(PartMask(count)));
  }

  static Int LoadInt(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
  }
  static void StoreInt(void* p, Int x) {
    _mm256_storeu_si256(static_cast<__m256i*>(p), x);
  }
  static Int SetInt(int32_t x) { return _mm256_set1_epi32(x); }
  static Int AddInt(Int a, Int b) { return _mm256_add_epi32(a, b); }
  // Sums of the products of pairs of int16.
  static Int MulAddPairs(Int a, Int b, Int c) {
    return _mm256_add_epi32(c, _mm256_madd_epi16(a, b));
  }
  // The lower and the upper bytes of int16, sign-extended to them.
  static Int LowBytes(Int x) { return HighBytes(_mm256_slli_epi16(x, 8)); }
  static Int HighBytes(Int x) { return _mm256_srai_epi16(x, 8); }
  // As many bytes as there are int16, sign-extended to them.
  static Int LoadBytesAsShorts(const int8_t* p) {
    return _mm256_cvtepi8_epi16(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Float ToFloat(Int x) { return _mm256_cvtepi32_ps(x); }
  // The lower and the upper bfloat16 of each lane.
  static Float LowHalf(Int x) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
  }
  static Float HighHalf(Int x) {
    return _mm256_castsi256_ps(
        _mm256_and_si256(x, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Float LoadBFloat16(const uint16_t* p) {
    return LowHalf(_mm256_cvtepu16_epi32(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static Float LoadBytes(const int8_t* p) {
    return ToFloat(_mm256_cvtepi8_epi32(
        _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  // To the nearest integer, ties to even.
  static void StoreShorts(int16_t* p, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     Narrow(_mm256_cvtps_epi32(x)));
  }
  // The same plus 128.
  static void StoreBytes(uint8_t* p, Float x) {
    const __m128i shorts =
        Narrow(_mm256_add_epi32(_mm256_cvtps_epi32(x), _mm256_set1_epi32(128)));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p),
                     _mm_packus_epi16(shorts, shorts));
  }
  // Rounded to bfloat16, to nearest, ties to even; kept as float. A NaN stays
  // one: see ToBFloat16.
  static Float RoundToBFloat16(Float x) {
    const Int bits = _mm256_castps_si256(x);
    const Int odd =
        _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const Int rounded = _mm256_add_epi32(
        _mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const Int quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    return HighHalf(_mm256_castps_si256(_mm256_blendv_ps(
        _mm256_castsi256_ps(rounded), _mm256_castsi256_ps(quiet),
        _mm256_cmp_ps(x, x, _CMP_UNORD_Q))));
  }
  static void StoreBFloat16(uint16_t* p, Float x) {
    const Int bits = _mm256_castps_si256(RoundToBFloat16(x));
    const Int high = _mm256_srli_epi32(bits, 16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packus_epi32(_mm256_castsi256_si128(high),
                                      _mm256_extracti128_si256(high, 1)));
  }

  static Float Add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float Sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float Max(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float Min(Float a, Float b) { return _mm256_min_ps(a, b); }
  static Float Abs(Float x) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
  }
  // a b + c
  static Float MulAdd(Float a, Float b, Float c) {
    return _mm256_fmadd_ps(a, b, c);
  }
  static Float Round(Float x) {
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  // x 2^n of an integral n in [-126, 127]
  static Float Scale2(Float x, Float n) {
    const __m256i exponent =
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(x,
                         _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }
  // Bit i: a[i] > b[i].
  static uint32_t GreaterBits(Float a, Float b) {
    return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ));
  }
  static float Sum(Float x) {
    __m128 half =
        _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }
  static float Largest(Float x) {
    __m128 half =
        _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
  }
  // The sums of four vectors, one after another.
  static void StoreSums(float* p, Float a, Float b, Float c, Float d) {
    const Float ab = Add(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
    const Float cd = Add(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
    const Float abcd = Add(_mm256_shuffle_ps(ab, cd, _MM_SHUFFLE(1, 0, 1, 0)),
                           _mm256_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 2, 3, 2)));
    _mm_storeu_ps(p, _mm_add_ps(_mm256_castps256_ps128(abcd),
                                _mm256_extractf128_ps(abcd, 1)));
  }
  static void StoreIntSums(int32_t* p, Int a, Int b, Int c, Int d) {
    const Int abcd =
        _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_add_epi32(_mm256_castsi256_si128(abcd),
                                   _mm256_extracti128_si256(abcd, 1)));
  }
  // Four columns of a matrix of kWidth rows, which begin at rows[r] + column.
  static void LoadColumns(const float* const* rows, int column,
                          Float* columns) {
    Float quads[4];  // of the rows i and i + 4: now 4 by 4
    for (int i = 0; i < 4; ++i) {
      quads[i] = _mm256_insertf128_ps(
          _mm256_castps128_ps256(_mm_loadu_ps(rows[i] + column)),
          _mm_loadu_ps(rows[i + 4] + column), 1);
    }
    const Float low01 = _mm256_unpacklo_ps(quads[0], quads[1]);
    const Float low23 = _mm256_unpacklo_ps(quads[2], quads[3]);
    const Float high01 = _mm256_unpackhi_ps(quads[0], quads[1]);
    const Float high23 = _mm256_unpackhi_ps(quads[2], quads[3]);
    columns[0] = _mm256_shuffle_ps(low01, low23, _MM_SHUFFLE(1, 0, 1, 0));
    columns[1] = _mm256_shuffle_ps(low01, low23, _MM_SHUFFLE(3, 2, 3, 2));
    columns[2] = _mm256_shuffle_ps(high01, high23, _MM_SHUFFLE(1, 0, 1, 0));
    columns[3] = _mm256_shuffle_ps(high01, high23, _MM_SHUFFLE(3, 2, 3, 2));
  }

 private:
  // Of 32 bits to 16, in order.
  static __m128i Narrow(Int x) {
    return _mm_packs_epi32(_mm256_castsi256_si128(x),
                           _mm256_extracti128_si256(x, 1));
  }
  static __m256i PartMask(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

// Four int8 of a column a step, as Avx512VnniProduct.
struct AvxVnniProduct {
  using V = Avx2;
  using Format = Int8Format<V, /*kWideInputs=*/false>;
  using Sum = __m256i;
  using Weights = __m256i;
  using Input = __m256i;
  static constexpr int kRows = 6;
  static constexpr int kVectors = 2;

  static Weights LoadWeights(const uint32_t* p) { return V::LoadInt(p); }
  static Input LoadInput(const char* p) {
    int32_t lane;
    __builtin_memcpy(&lane, p, sizeof(lane));
    return V::SetInt(lane);
  }
  // VEX: the other encoding needs AVX-512.
  static Sum MulAdd(Input x, Weights w, Sum sum) {
    asm("%{vex%} vpdpbusd %[w], %[x], %[sum]"
        : [sum] "+x"(sum)
        : [x] "x"(x), [w] "x"(w));
    return sum;
  }

  static constexpr int kRowValues = 4 * V::kWidth;
  static Sum LoadRow(const int8_t* w) { return V::LoadInt(w); }
  static Sum MulAddRow(Sum x, Sum w, Sum sum) { return MulAdd(x, w, sum); }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX2_H_
