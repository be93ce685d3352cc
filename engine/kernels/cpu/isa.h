#ifndef PEREGRINE_ENGINE_KERNELS_CPU_ISA_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_ISA_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::kernels {

// The instruction sets that the vector operations are written for, weakest
// first. kGeneric is what every machine of the architecture has; kAvx512 stands
// for its F, DQ, BW and VL parts. Those named after VNNI and BF16 multiply int8
// and bfloat16 in one instruction, and are like the one before in all else;
// kAvx512Bf16 has VNNI, too. kAvx512Amx multiplies both in tiles.
enum class Isa {
  kGeneric,
  kAvx2,
  kAvxVnni,
  kAvx512,
  kAvx512Vnni,
  kAvx512Bf16,
  kAvx512Amx,
};

absl::string_view IsaName(Isa isa);

// Those that this machine can run and this binary was built for, weakest
// first; never empty. Asks the kernel for the use of AMX where there is any.
std::vector<Isa> SupportedIsas();

// The best supported one up to that which the environment variable
// PEREGRINE_ISA names, if it is set. INVALID_ARGUMENT when there is none of
// that name.
absl::StatusOr<Isa> ChooseIsa();

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_ISA_H_
