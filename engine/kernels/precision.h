#ifndef PEREGRINE_ENGINE_KERNELS_PRECISION_H_
#define PEREGRINE_ENGINE_KERNELS_PRECISION_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// A row of int8 as Precision::kInt8 has them: round(x / scale), ties to even,
// with the largest magnitude of the row as 127. Returns the scale; it is 0, and
// so is all of the row, where the inverse of that magnitude is no number.
float QuantizeRow(const float* x, int count, int8_t* y);

// "float32", "bf16", "fp16", "int8" or "fp8".
absl::string_view PrecisionName(Precision precision);

// Those names, or "auto": fp16 on a GPU, int8 where `device` is a CPU on which
// that is faster, else float32.
// INVALID_ARGUMENT names what was given and what exists, or the bad value of
// PEREGRINE_ISA.
absl::StatusOr<Precision> ParsePrecision(absl::string_view name, Device device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_PRECISION_H_
