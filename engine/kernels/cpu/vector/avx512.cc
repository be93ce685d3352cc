#include "engine/kernels/cpu/vector/avx512.h"

#include "engine/kernels/cpu/vector/ops.h"

namespace peregrine::kernels {

const VectorOps& Avx512VectorOps() {
  static constexpr VectorOps kOps = MakeVectorOps<Avx512>();
  return kOps;
}

}  // namespace peregrine::kernels
