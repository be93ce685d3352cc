#ifndef PEREGRINE_ENGINE_KERNELS_PRECISION_H_
#define PEREGRINE_ENGINE_KERNELS_PRECISION_H_

#include <cstdint>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// The upper half of the nearest float32 that has no lower one; ties to even.
// `x` is finite.
inline uint16_t ToBFloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Half precision to nearest, ties to even. What is larger than its largest
// number, 65504, becomes that. `x` is no NaN.
inline uint16_t ToFloat16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof(bits));
  const uint32_t sign = bits >> 16 & 0x8000;
  const uint32_t magnitude = bits & 0x7fffffff;
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

// A row of int8 as Precision::kInt8 has them: round(x / scale), ties to even,
// with the largest magnitude of the row as 127. Returns the scale; it is 0, and
// so is all of the row, where the inverse of that magnitude is no number.
float QuantizeRow(const float* x, int count, int8_t* y);

// "float32", "bf16", "fp16" or "int8".
absl::string_view PrecisionName(Precision precision);

// Those names, or "auto": fp16 on a GPU, int8 where `device` is a CPU on which
// that is faster, else float32.
// INVALID_ARGUMENT names what was given and what exists, or the bad value of
// PEREGRINE_ISA.
absl::StatusOr<Precision> ParsePrecision(absl::string_view name, Device device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_PRECISION_H_
