#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX512_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX512_H_

#include <immintrin.h>
#include <stdint.h>

namespace peregrine::kernels {

// Vectors of 16 floats. Same members as Avx2 and Generic.
struct Avx512 {
  using Float = __m512;
  static constexpr int kWidth = 16;
  static constexpr int kTileRows = 6;     // of a matmul's register tile:
  static constexpr int kTileVectors = 4;  // 24 sums, 4 weights, 1 input of 32

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

  static Float Add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float Sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float Max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float Min(Float a, Float b) { return _mm512_min_ps(a, b); }
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

 private:
  static __mmask16 PartMask(int count) {
    return static_cast<__mmask16>((1u << count) - 1);
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX512_H_
