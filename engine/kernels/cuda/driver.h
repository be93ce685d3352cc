#ifndef PEREGRINE_ENGINE_KERNELS_CUDA_DRIVER_H_
#define PEREGRINE_ENGINE_KERNELS_CUDA_DRIVER_H_

#include <string>

#include "absl/strings/string_view.h"

namespace peregrine::kernels {

// The version of NVIDIA's driver in the kernel, "580.65.06"; empty: none is
// loaded, or it cannot be seen from here.
std::string InstalledDriver();
// From the text of /proc/driver/nvidia/version.
std::string DriverVersionIn(absl::string_view text);

// Why a program built with the CUDA runtime `runtime` has no driver, where the
// library of the driver is for CUDA `driver`. Both as CUDA writes them: 12040
// for 12.4, 0 for none. `installed` is that of InstalledDriver.
std::string DriverProblem(int driver, int runtime, absl::string_view installed);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_CUDA_DRIVER_H_
