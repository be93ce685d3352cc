#ifndef PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PACK_WEIGHT_H_
#define PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PACK_WEIGHT_H_

#include <stddef.h>
#include <stdint.h>

#include "engine/kernels/cpu/vector_ops.h"

namespace peregrine::kernels {

// LinearOps::pack_weight of a Format (product.h), in panels of kColumns
// columns.
template <class Format, int kColumns>
void PackWeightPanels(const float* weight, int out_dim, int in_dim,
                      const PackedWeight& to) {
  for (int j = 0; j < out_dim; ++j) {
    uint32_t* const lanes =
        to.panels + j / kColumns * to.steps * kColumns + j % kColumns;
    const float* const w = weight + static_cast<size_t>(j) * in_dim;
    if constexpr (Format::kIsInt8) {
      Format::PackColumn(w, in_dim, kColumns, lanes, &to.scales[j],
                         &to.first_sums[j]);
    } else {
      Format::PackColumn(w, in_dim, kColumns, lanes);
    }
  }
}

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CPU_VECTOR_PACK_WEIGHT_H_
