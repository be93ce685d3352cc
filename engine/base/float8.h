#ifndef PEREGRINE_ENGINE_BASE_FLOAT8_H_
#define PEREGRINE_ENGINE_BASE_FLOAT8_H_

#include <cmath>
#include <cstdint>
#include <cstring>

// An 8-bit floating-point type, e4m3 as the Open Compute Project specifies it:
// 4 bits of exponent, 3 of fraction, no infinities, NaN where all 7 bits are 1.
namespace peregrine {

constexpr float kMaxFloat8 = 448.0f;

inline float FromFloat8(uint8_t x) {
  const int exponent = x >> 3 & 0xf;
  const int fraction = x & 7;
  if ((x & 0x7f) == 0x7f) return std::nanf("");
  const float magnitude =
      exponent == 0
          ? std::ldexp(static_cast<float>(fraction), -9)
          : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
  return x >> 7 != 0 ? -magnitude : magnitude;
}

// To nearest, ties to even. What is larger than kMaxFloat8 becomes that. A NaN
// stays a NaN.
inline uint8_t ToFloat8(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  const uint32_t sign = bits >> 24 & 0x80;
  const uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<uint8_t>(sign | 0x7f);
  if (magnitude >= 0x43e00000) return static_cast<uint8_t>(sign | 0x7e);  // 448
  if (magnitude < 0x3c800000) {  // below the smallest normal: of units of 2^-9
    float scaled;
    std::memcpy(&scaled, &magnitude, sizeof(scaled));
    scaled = scaled * 512.0f + 8388608.0f;  // 2^23: rounds to whole numbers
    std::memcpy(&bits, &scaled, sizeof(bits));
    return static_cast<uint8_t>(sign | (bits & 0xf));
  }
  const uint32_t rounded = magnitude + 0x7ffff + (magnitude >> 20 & 1);
  return static_cast<uint8_t>(sign | ((rounded - 0x3c000000) >> 20));
}

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_FLOAT8_H_
