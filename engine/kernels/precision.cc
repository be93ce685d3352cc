#include "engine/kernels/precision.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cpu/isa.h"

namespace peregrine::kernels {

float QuantizeRow(const float* x, int count, int8_t* y) {
  constexpr float kSmallest = 1e-35f;
  constexpr float kMagic = 12582912.0f;  // 1.5 x 2^23: no bits for fractions
  float largest = 0.0f;
  for (int i = 0; i < count; ++i) largest = std::max(largest, std::abs(x[i]));
  const bool vanishes = largest < kSmallest;
  const float factor = vanishes ? 0.0f : 127.0f / largest;
  for (int i = 0; i < count; ++i) {
    y[i] = static_cast<int8_t>((x[i] * factor + kMagic) - kMagic);
  }
  return vanishes ? 0.0f : largest / 127.0f;
}

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
    case Precision::kFloat8:
      return "fp8";
  }
  return "unknown";
}

absl::StatusOr<Precision> ParsePrecision(absl::string_view name,
                                         Device device) {
  for (Precision precision :
       {Precision::kFloat32, Precision::kBFloat16, Precision::kFloat16,
        Precision::kInt8, Precision::kFloat8}) {
    if (PrecisionName(precision) == name) return precision;
  }
  if (name == "auto") {
    if (device.kind == Device::Kind::kCuda) return Precision::kFloat16;
    if (device != Device::kCpu) return Precision::kFloat32;
    // Measured (docs/decisions/0004-quantisation.md): without AVX2 int8 is far
    // slower than float32.
    PEREGRINE_ASSIGN_OR_RETURN(const Isa isa, ChooseIsa());
    return isa >= Isa::kAvx2 ? Precision::kInt8 : Precision::kFloat32;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("precision is '", name,
                   "', expected 'float32', 'bf16', 'fp16', 'int8', 'fp8' or "
                   "'auto'"));
}

}  // namespace peregrine::kernels
