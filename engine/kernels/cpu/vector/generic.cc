#include "engine/kernels/cpu/vector/generic.h"

#include "engine/kernels/cpu/vector/ops.h"

namespace peregrine::kernels {

const VectorOps& GenericVectorOps() {
  static constexpr VectorOps kOps =
      MakeVectorOps<Generic, PanelLinear<WidenedBFloat16Product<Generic>>,
                    PanelLinear<PairsInt8Product<Generic>>>();
  return kOps;
}

}  // namespace peregrine::kernels
