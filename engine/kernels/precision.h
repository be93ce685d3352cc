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

// "float32", "bf16" or "int8".
absl::string_view PrecisionName(Precision precision);

// Those names, or "auto": int8 where `device` is a CPU on which that is faster,
// else float32.
// INVALID_ARGUMENT names what was given and what exists, or the bad value of
// PEREGRINE_ISA.
absl::StatusOr<Precision> ParsePrecision(absl::string_view name, Device device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_PRECISION_H_
