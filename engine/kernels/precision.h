#ifndef PEREGRINE_ENGINE_KERNELS_PRECISION_H_
#define PEREGRINE_ENGINE_KERNELS_PRECISION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// "float32", "bf16" or "int8".
absl::string_view PrecisionName(Precision precision);

// Those names, or "auto": the fastest precision on `device` of this machine.
// INVALID_ARGUMENT names what was given and what exists, or the bad value of
// PEREGRINE_ISA.
absl::StatusOr<Precision> ParsePrecision(absl::string_view name,
                                         Device device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_PRECISION_H_
