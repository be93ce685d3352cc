#include "engine/kernels/precision.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cpu/isa.h"

namespace peregrine::kernels {

absl::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return "float32";
    case Precision::kBFloat16:
      return "bf16";
    case Precision::kFloat16:
      return "fp16";
    case Precision::kInt8:
      return "int8";
  }
  return "unknown";
}

absl::StatusOr<Precision> ParsePrecision(absl::string_view name,
                                         Device device) {
  for (Precision precision : {Precision::kFloat32, Precision::kBFloat16,
                              Precision::kFloat16, Precision::kInt8}) {
    if (PrecisionName(precision) == name) return precision;
  }
  if (name == "auto") {
    if (device.kind == Device::Kind::kCuda) return Precision::kFloat16;
    if (device != Device::kCpu) return Precision::kFloat32;
    // Measured (docs/decisions/0004-quantisation.md): with AVX2 alone int8 is
    // no faster than float32, and without it far slower.
    PEREGRINE_ASSIGN_OR_RETURN(const Isa isa, ChooseIsa());
    return isa >= Isa::kAvxVnni ? Precision::kInt8 : Precision::kFloat32;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("precision is '", name,
                   "', expected 'float32', 'bf16', 'fp16', 'int8' or 'auto'"));
}

}  // namespace peregrine::kernels
