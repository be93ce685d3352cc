#include "engine/base/status_macros.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

absl::StatusOr<const float*> LinearSource::Rows(
    int first, int count, std::vector<float>& buffer) const {
  if (read_rows == nullptr) {
    return weight.data() + static_cast<size_t>(first) * in_dim;
  }
  buffer.resize(static_cast<size_t>(count) * in_dim);
  PEREGRINE_RETURN_IF_ERROR(read_rows(first, count, buffer.data()));
  return buffer.data();
}

}  // namespace peregrine::kernels
