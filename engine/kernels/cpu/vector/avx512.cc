#include "engine/kernels/cpu/vector/avx512.h"

#include "engine/kernels/cpu/vector/ops.h"

namespace peregrine::kernels {

const VectorOps& Avx512VectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, PanelLinear<WidenedBFloat16Product<Avx512>>,
                    PanelLinear<PairsInt8Product<Avx512>>>();
  return kOps;
}

const VectorOps& Avx512VnniVectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, PanelLinear<WidenedBFloat16Product<Avx512>>,
                    PanelLinear<Avx512VnniProduct>>();
  return kOps;
}

const VectorOps& Avx512Bf16VectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, PanelLinear<Avx512BFloat16Product>,
                    PanelLinear<Avx512VnniProduct>>();
  return kOps;
}

}  // namespace peregrine::kernels
