#include "engine/kernels/cpu/isa.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace peregrine::kernels {
namespace {

constexpr Isa kAllIsas[] = {Isa::kGeneric, Isa::kAvx2, Isa::kAvx512};

bool IsSupported(Isa isa) {
  if (isa == Isa::kGeneric) return true;
#if defined(__x86_64__)
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (isa == Isa::kAvx2) return avx2;
  return avx2 && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

}  // namespace

absl::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kGeneric:
      return "generic";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> supported;
  for (Isa isa : kAllIsas) {
    if (IsSupported(isa)) supported.push_back(isa);
  }
  return supported;
}

absl::StatusOr<Isa> ChooseIsa() {
  const Isa best = SupportedIsas().back();
  const char* cap = std::getenv("PEREGRINE_ISA");
  if (cap == nullptr || *cap == '\0') return best;
  for (Isa isa : kAllIsas) {
    if (IsaName(isa) == cap) return isa < best ? isa : best;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "PEREGRINE_ISA is '", cap, "', expected generic, avx2 or avx512"));
}

}  // namespace peregrine::kernels
