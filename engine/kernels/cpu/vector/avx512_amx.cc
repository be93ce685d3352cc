#include "engine/kernels/cpu/vector/amx.h"
#include "engine/kernels/cpu/vector/ops.h"
#include "engine/kernels/cpu/vector/tile_linear.h"

namespace peregrine::kernels {

const VectorOps& Avx512AmxVectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Avx512, TileLinear<AmxBFloat16Product>,
                    TileLinear<AmxInt8Product>>();
  return kOps;
}

}  // namespace peregrine::kernels
