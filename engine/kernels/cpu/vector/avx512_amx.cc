#include "engine/kernels/cpu/vector/amx.h"
#include "engine/kernels/cpu/vector/ops.h"
#include "engine/kernels/cpu/vector/tile_linear.h"

namespace peregrine::kernels {

const VectorOps& Avx512AmxVectorOps() {
  static constexpr VectorOps kOps = [] {
    VectorOps ops =
        MakeVectorOps<Avx512, Avx512BFloat16Product, Avx512VnniProduct>();
    ops.bfloat16 = TileLinear<AmxBFloat16Product>::Ops();
    ops.int8 = TileLinear<AmxInt8Product>::Ops();
    return ops;
  }();
  return kOps;
}

}  // namespace peregrine::kernels
