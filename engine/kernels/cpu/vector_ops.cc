#include "engine/kernels/cpu/vector_ops.h"

#include "engine/base/check.h"
#include "engine/kernels/cpu/isa.h"

namespace peregrine::kernels {

const VectorOps& VectorOpsFor(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512Amx) return Avx512AmxVectorOps();
  if (isa == Isa::kAvx512Bf16) return Avx512Bf16VectorOps();
  if (isa == Isa::kAvx512Vnni) return Avx512VnniVectorOps();
  if (isa == Isa::kAvx512) return Avx512VectorOps();
  if (isa == Isa::kAvxVnni) return AvxVnniVectorOps();
  if (isa == Isa::kAvx2) return Avx2VectorOps();
#endif
  PEREGRINE_CHECK(isa == Isa::kGeneric) << "not built for " << IsaName(isa);
  return GenericVectorOps();
}

}  // namespace peregrine::kernels
