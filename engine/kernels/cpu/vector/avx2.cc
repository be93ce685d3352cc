#include "engine/kernels/cpu/vector/avx2.h"

#include "engine/kernels/cpu/vector/ops.h"

namespace peregrine::kernels {

const VectorOps& Avx2VectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx2, PanelLinear<WidenedBFloat16Product<Avx2>>,
                    PanelLinear<PairsInt8Product<Avx2>>>();
  return kOps;
}

const VectorOps& AvxVnniVectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx2, PanelLinear<WidenedBFloat16Product<Avx2>>,
                    PanelLinear<AvxVnniProduct>>();
  return kOps;
}

}  // namespace peregrine::kernels
