#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX512_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX512_H_

#include <immintrin.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector/product.h"

namespace peregrine::kernels {

// Vectors of 16 floats or lanes of 4 bytes. Same members as Avx2 and Generic.
struct Avx512 {
  using Float = __m512;
  using Int = __m512i;
  static constexpr int kWidth = 16;
  // Left to the hardware's prefetchers.
  static constexpr int kInt8StepsAhead = 0;
  static constexpr int kTileRows = 6;     // of a matmul's register tile:
  static constexpr int kTileVectors = 4;  // 24 sums, 4 weights, 1 input of 32
  static constexpr int kPairTileRows =
      5;  // of one of pairs: 20 sums, 8 weights, 2 inputs

  static Float Zero() { return _mm512_setzero_ps(); }
  static Float Set(float x) { return _mm512_set1_ps(x); }
  static Float Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  // The first `count` < kWidth elements; the others read as zero.
  static Float LoadPart(const float* p, int count) {
    return _mm512_maskz_loadu_ps(PartMask(count), p);
  }
  static void StorePart(float* p, Float x, int count) {
    _mm512_mask_storeu_ps(p, PartMask(count), x);
  }
  // `x` in the first `count` elements, `rest` in the others.
  static Float KeepPart(Float x, Float rest, int count) {
    return _mm512_mask_blend_ps(PartMask(count), rest, x);
  }

  static Int LoadInt(const void* p) { return _mm512_loadu_si512(p); }
  static void StoreInt(void* p, Int x) { _mm512_storeu_si512(p, x); }
  static Int SetInt(int32_t x) { return _mm512_set1_epi32(x); }
  static Int AddInt(Int a, Int b) { return _mm512_add_epi32(a, b); }
  // Sums of the products of pairs of int16.
  static Int MulAddPairs(Int a, Int b, Int c) {
    return _mm512_add_epi32(c, _mm512_madd_epi16(a, b));
  }
  // The lower and the upper bytes of int16, sign-extended to them.
  static Int LowBytes(Int x) { return HighBytes(_mm512_slli_epi16(x, 8)); }
  static Int HighBytes(Int x) { return _mm512_srai_epi16(x, 8); }
  // As many bytes as there are int16, sign-extended to them.
  static Int LoadBytesAsShorts(const int8_t* p) {
    return _mm512_cvtepi8_epi16(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Float ToFloat(Int x) { return _mm512_cvtepi32_ps(x); }
  // The lower and the upper bfloat16 of each lane.
  static Float LowHalf(Int x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(x, 16));
  }
  static Float HighHalf(Int x) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(x, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Float LoadBFloat16(const uint16_t* p) {
    return LowHalf(_mm512_cvtepu16_epi32(
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
  }
  static Float LoadBytes(const int8_t* p) {
    return ToFloat(_mm512_cvtepi8_epi32(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  // To the nearest integer, ties to even.
  static void StoreShorts(int16_t* p, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x)));
  }
  // The same plus 128.
  static void StoreBytes(uint8_t* p, Float x) {
    const Int rounded =
        _mm512_add_epi32(_mm512_cvtps_epi32(x), _mm512_set1_epi32(128));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm512_cvtepi32_epi8(rounded));
  }
  // Rounded to bfloat16, to nearest, ties to even; kept as float. A NaN stays
  // one: see ToBFloat16.
  static Float RoundToBFloat16(Float x) {
    const Int bits = _mm512_castps_si512(x);
    const Int odd =
        _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const Int rounded = _mm512_add_epi32(
        _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    const __mmask16 is_nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    return HighHalf(_mm512_mask_or_epi32(rounded, is_nan, bits,
                                         _mm512_set1_epi32(0x400000)));
  }
  static void StoreBFloat16(uint16_t* p, Float x) {
    const Int bits = _mm512_castps_si512(RoundToBFloat16(x));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16)));
  }

  static Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float Sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float Max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float Min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float Abs(Float x) { return _mm512_abs_ps(x); }
  // a b + c
  static Float MulAdd(Float a, Float b, Float c) {
    return _mm512_fmadd_ps(a, b, c);
  }
  static Float Round(Float x) { return _mm512_roundscale_ps(x, 0); }
  // x 2^n of an integral n in [-126, 127]
  static Float Scale2(Float x, Float n) { return _mm512_scalef_ps(x, n); }
  // Bit i: a[i] > b[i].
  static uint32_t GreaterBits(Float a, Float b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
  }
  static float Sum(Float x) { return _mm512_reduce_add_ps(x); }
  static float Largest(Float x) { return _mm512_reduce_max_ps(x); }
  // The sums of four vectors, one after another.
  static void StoreSums(float* p, Float a, Float b, Float c, Float d) {
    const Float ab = Add(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const Float cd = Add(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const Float abcd = Add(_mm512_shuffle_ps(ab, cd, _MM_SHUFFLE(1, 0, 1, 0)),
                           _mm512_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 2, 3, 2)));
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(abcd),
                                      _mm512_extractf32x8_ps(abcd, 1));
    _mm_storeu_ps(p, _mm_add_ps(_mm256_castps256_ps128(half),
                                _mm256_extractf128_ps(half, 1)));
  }
  static void StoreIntSums(int32_t* p, Int a, Int b, Int c, Int d) {
    const Int ab =
        AddInt(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const Int cd =
        AddInt(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    const Int abcd =
        AddInt(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(abcd),
                                          _mm512_extracti64x4_epi64(abcd, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_add_epi32(_mm256_castsi256_si128(half),
                                   _mm256_extracti128_si256(half, 1)));
  }
  // Four columns of a matrix of kWidth rows, which begin at rows[r] + column.
  static void LoadColumns(const float* const* rows, int column,
                          Float* columns) {
    Float quads[4];  // of the rows i, i + 4, i + 8 and i + 12: now 4 by 4
    for (int i = 0; i < 4; ++i) {
      const auto quad = [&](int row) {
        return _mm_loadu_ps(rows[i + row] + column);
      };
      const __m256 low =
          _mm256_insertf128_ps(_mm256_castps128_ps256(quad(0)), quad(4), 1);
      const __m256 high =
          _mm256_insertf128_ps(_mm256_castps128_ps256(quad(8)), quad(12), 1);
      quads[i] = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
    }
    const Float low01 = _mm512_unpacklo_ps(quads[0], quads[1]);
    const Float low23 = _mm512_unpacklo_ps(quads[2], quads[3]);
    const Float high01 = _mm512_unpackhi_ps(quads[0], quads[1]);
    const Float high23 = _mm512_unpackhi_ps(quads[2], quads[3]);
    columns[0] = _mm512_shuffle_ps(low01, low23, _MM_SHUFFLE(1, 0, 1, 0));
    columns[1] = _mm512_shuffle_ps(low01, low23, _MM_SHUFFLE(3, 2, 3, 2));
    columns[2] = _mm512_shuffle_ps(high01, high23, _MM_SHUFFLE(1, 0, 1, 0));
    columns[3] = _mm512_shuffle_ps(high01, high23, _MM_SHUFFLE(3, 2, 3, 2));
  }

 private:
  static __mmask16 PartMask(int count) {
    return static_cast<__mmask16>((1u << count) - 1);
  }
};

// Four int8 of a column a step: the inputs as x + 128, unsigned, and the sums
// begin with what that makes too much. In assembler, or g++ 12 would keep the
// sums in memory.
struct Avx512VnniProduct {
  using V = Avx512;
  using Format = Int8Format<V, /*kWideInputs=*/false>;
  using Sum = __m512i;
  using Weights = __m512i;
  using Input = __m512i;
  static constexpr int kRows = 6;
  static constexpr int kVectors = 4;

  static Weights LoadWeights(const uint32_t* p) { return V::LoadInt(p); }
  static Input LoadInput(const char* p) {
    int32_t lane;
    __builtin_memcpy(&lane, p, sizeof(lane));
    return V::SetInt(lane);
  }
  static Sum MulAdd(Input x, Weights w, Sum sum) {
    asm("vpdpbusd %[w], %[x], %[sum]"
        : [sum] "+v"(sum)
        : [x] "v"(x), [w] "v"(w));
    return sum;
  }

  static constexpr int kRowValues = 4 * V::kWidth;
  static Sum LoadRow(const int8_t* w) { return V::LoadInt(w); }
  static Sum MulAddRow(Sum x, Sum w, Sum sum) { return MulAdd(x, w, sum); }
};

// Two bfloat16 of a column a step.
struct Avx512BFloat16Product {
  using V = Avx512;
  using Format = BFloat16Format<V, /*kWideInputs=*/false>;
  using Sum = __m512;
  using Weights = __m512i;
  using Input = __m512i;
  static constexpr int kRows = 6;
  static constexpr int kVectors = 4;

  static Weights LoadWeights(const uint32_t* p) { return V::LoadInt(p); }
  static Input LoadInput(const char* p) {
    return Avx512VnniProduct::LoadInput(p);
  }
  static Sum MulAdd(Input x, Weights w, Sum sum) {
    asm("vdpbf16ps %[w], %[x], %[sum]"
        : [sum] "+v"(sum)
        : [x] "v"(x), [w] "v"(w));
    return sum;
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX512_H_
