#ifndef PEREGRINE_ENGINE_MODEL_FLOAT16_H_
#define PEREGRINE_ENGINE_MODEL_FLOAT16_H_

#include <cmath>
#include <cstdint>
#include <cstring>

// The two 16-bit floating-point types of checkpoints: IEEE half precision, and
// the upper half of a float32.
namespace peregrine::model {

inline float HalfToFloat(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  const uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {  // zero or subnormal
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign ? -magnitude : magnitude;
  }
  const uint32_t bits =
      exponent == 31 ? (sign | 0x7f800000u | (mantissa << 13))
                     : (sign | ((exponent + 112) << 23) | (mantissa << 13));
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline float BFloat16ToFloat(uint16_t bfloat) {
  const uint32_t bits = static_cast<uint32_t>(bfloat) << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

}  // namespace peregrine::model

#endif  // PEREGRINE_ENGINE_MODEL_FLOAT16_H_
