#include "engine/kernels/precision.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace peregrine::kernels {

absl::string_view PrecisionName(Precision precision) {
  switch (precision) {
    case Precision::kFloat32:
      return "float32";
    case Precision::kBFloat16:
      return "bf16";
    case Precision::kInt8:
      return "int8";
  }
  return "unknown";
}

absl::StatusOr<Precision> ParsePrecision(absl::string_view name,
                                         Device device) {
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kInt8}) {
    if (PrecisionName(precision) == name) return precision;
  }
  if (name == "auto") {
    // int8 outruns the others on every instruction set
    // (docs/decisions/0004-quantisation.md).
    return device == Device::kCpu ? Precision::kInt8 : Precision::kFloat32;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("precision is '", name,
                   "', expected 'float32', 'bf16', 'int8' or 'auto'"));
}

}  // namespace peregrine::kernels
