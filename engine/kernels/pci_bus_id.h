#ifndef PEREGRINE_ENGINE_KERNELS_PCI_BUS_ID_H_
#define PEREGRINE_ENGINE_KERNELS_PCI_BUS_ID_H_

#include <string>

#include "absl/status/statusor.h"
#include "engine/kernels/device.h"

namespace peregrine::kernels {

// Where a GPU sits, "0000:1B:00.0": its name to the tools of its driver, which
// number GPUs in another way. INVALID_ARGUMENT: not a GPU; else as MakeKernels.
absl::StatusOr<std::string> PciBusId(const Device& device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_PCI_BUS_ID_H_
