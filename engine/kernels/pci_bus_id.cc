#include "engine/kernels/pci_bus_id.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#ifdef PEREGRINE_HAS_CUDA
#include "engine/kernels/cuda/cuda_device.h"
#endif

namespace peregrine::kernels {

absl::StatusOr<std::string> PciBusId(const Device& device) {
  if (device.kind != Device::Kind::kCuda) {
    return absl::InvalidArgumentError("not a GPU");
  }
#ifdef PEREGRINE_HAS_CUDA
  char id[32];
  const absl::Status status =
      cuda::ToStatus(cudaDeviceGetPCIBusId(id, sizeof(id), device.index),
                     absl::StrCat("cuda:", device.index));
  if (!status.ok()) return status;
  return std::string(id);
#else
  return absl::UnimplementedError("built without CUDA");
#endif
}

}  // namespace peregrine::kernels
