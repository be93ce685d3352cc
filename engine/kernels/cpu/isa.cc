#include "engine/kernels/cpu/isa.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace peregrine::kernels {
namespace {

constexpr Isa kAllIsas[] = {Isa::kGeneric,  Isa::kAvx2,       Isa::kAvxVnni,
                            Isa::kAvx512,   Isa::kAvx512Vnni, Isa::kAvx512Bf16,
                            Isa::kAvx512Amx};

#if defined(__x86_64__)
// Compilers of before 2023 know AVX-VNNI, but not by name at run time.
bool HasAvxVnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 &&
         (eax >> 4 & 1) != 0;
}

// Whether there are AMX's tiles and its products of bfloat16 and int8, and the
// kernel lets this process use them: it gives tiles to those alone that ask.
bool MayUseAmx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kBf16TilesInt8 = 1u << 22 | 1u << 24 | 1u << 25;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 ||
      (edx & kBf16TilesInt8) != kBf16TilesInt8) {
    return false;
  }
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;               // of XCR0
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#endif

bool IsSupported(Isa isa) {
#if defined(__x86_64__)
  const bool avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl");
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  switch (isa) {
    case Isa::kGeneric:
      return true;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvxVnni:
      return avx2 && HasAvxVnni();
    case Isa::kAvx512:
      return avx512;
    case Isa::kAvx512Vnni:
      return vnni;
    case Isa::kAvx512Bf16:
      return vnni && __builtin_cpu_supports("avx512bf16");
    case Isa::kAvx512Amx: {
      static const bool may_use_amx = MayUseAmx();
      return vnni && __builtin_cpu_supports("avx512bf16") && may_use_amx;
    }
  }
  return false;
#else
  return isa == Isa::kGeneric;
#endif
}

}  // namespace

absl::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kGeneric:
      return "generic";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avx-vnni";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx512Vnni:
      return "avx512-vnni";
    case Isa::kAvx512Bf16:
      return "avx512-bf16";
    case Isa::kAvx512Amx:
      return "avx512-amx";
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
  const std::vector<Isa> supported = SupportedIsas();
  const char* cap = std::getenv("PEREGRINE_ISA");
  if (cap == nullptr || *cap == '\0') return supported.back();
  for (Isa isa : kAllIsas) {
    if (IsaName(isa) != cap) continue;
    // kGeneric is always supported and is the first: there is one before.
    return *std::prev(
        std::upper_bound(supported.begin(), supported.end(), isa));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("PEREGRINE_ISA is '", cap, "', expected ",
                   absl::StrJoin(kAllIsas, ", ", [](std::string* out, Isa isa) {
                     absl::StrAppend(out, IsaName(isa));
                   })));
}

}  // namespace peregrine::kernels
