#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX2_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX2_H_

#include <immintrin.h>
#include <stdint.h>

namespace peregrine::kernels {

// Vectors of 8 floats. Same members as Avx512 and Generic.
struct Avx2 {
  using Float = __m256;
  static constexpr int kWidth = 8;
  static constexpr int kTileRows = 6;     // of a matmul's register tile:
  static constexpr int kTileVectors = 2;  // 12 sums, 2 weights, 1 input of 16

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

  static Float Add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float Sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float Mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float Div(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float Max(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float Min(Float a, Float b) { return _mm256_min_ps(a, b); }
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

 private:
  static __m256i PartMask(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_AVX2_H_
