#include "engine/kernels/cpu/vector/avx512.h"

#include "engine/kernels/cpu/vector/ops.h"

namespace peregrine::kernels {

const VectorOps& Avx512VectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, WidenedBFloat16Product<Avx512>,
                    PairsInt8Product<Avx512>>();
  return kOps;
}

const VectorOps& Avx512VnniVectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, WidenedBFloat16Product<Avx512>,
                    Avx512VnniProduct>();
  return kOps;
}

const VectorOps& Avx512Bf16VectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, Avx512BFloat16Product, Avx512VnniProduct>();
  return kOps;
}

}  // namespace peregrine::kernels
