#ifndef PEREGRINE_ENGINE_BASE_FLOAT16_H_
#define PEREGRINE_ENGINE_BASE_FLOAT16_H_

#include <cmath>
#include <cstdint>
#include <cstring>

// The two 16-bit floating-point types: IEEE half precision, and bfloat16, the
// upper half of a float32.
namespace peregrine {

inline float FromBFloat16(uint16_t x) {
  const uint32_t bits = uint32_t{x} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// Infinities and NaNs included.
inline float FromFloat16(uint16_t x) {
  const uint32_t sign = uint32_t{x} >> 15 << 31;
  const uint32_t exponent = x >> 10 & 0x1f;
  const uint32_t fraction = x & 0x3ff;
  if (exponent == 0) {  // zero or subnormal
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t bits = exponent == 31
                            ? sign | 0x7f800000 | fraction << 13
                            : sign | (exponent + 112) << 23 | fraction << 13;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// The upper half of the nearest float32 that has no lower one; ties to even.
// A NaN stays a NaN. Rounding its bits like a number's could carry them over
// into infinity, or past the sign into -0.
inline uint16_t ToBFloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  if ((bits & 0x7fffffff) > 0x7f800000) {
    return static_cast<uint16_t>(bits >> 16 | 0x40);
  }
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Half precision to nearest, ties to even. What is larger than its largest
// number, 65504, becomes that. A NaN stays a NaN.
inline uint16_t ToFloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477fe000) return sign | 0x7bff;  // 65504
  if (magnitude < 0x38800000) {  // below the smallest normal: of units of 2^-24
    float scaled;
    std::memcpy(&scaled, &magnitude, sizeof(scaled));
    // Adding 2^23 rounds to whole numbers.
    scaled = scaled * 16777216.0f + 8388608.0f;
    std::memcpy(&bits, &scaled, sizeof(bits));
    return static_cast<uint16_t>(sign | (bits & 0x7fffff));
  }
  const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_FLOAT16_H_
