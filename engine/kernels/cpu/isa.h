#ifndef PEREGRINE_ENGINE_KERNELS_CPU_ISA_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_ISA_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace peregrine::kernels {

// The instruction sets that the vector operations are compiled for, each a
// superset of the one before. kGeneric is what every machine of the
// architecture has; kAvx512 stands for its F, DQ, BW and VL parts.
enum class Isa { kGeneric, kAvx2, kAvx512 };

absl::string_view IsaName(Isa isa);

// Those that this machine can run and this binary was built for, weakest
// first; never empty.
std::vector<Isa> SupportedIsas();

// The best supported one, capped by the environment variable PEREGRINE_ISA
// (generic, avx2 or avx512). INVALID_ARGUMENT when that names no such set.
absl::StatusOr<Isa> ChooseIsa();

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_ISA_H_
