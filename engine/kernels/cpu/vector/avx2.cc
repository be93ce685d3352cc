#include "engine/kernels/cpu/vector/avx2.h"

#include "engine/kernels/cpu/vector/ops.h"

namespace peregrine::kernels {

const VectorOps& Avx2VectorOps() {
  static constexpr VectorOps kOps = MakeVectorOps<Avx2>();
  return kOps;
}

}  // namespace peregrine::kernels
