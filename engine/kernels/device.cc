#include "engine/kernels/device.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "engine/kernels/cpu/cpu_kernels.h"
#include "engine/kernels/cpu/isa.h"
#include "engine/kernels/cpu/onednn_kernels.h"
#include "engine/kernels/reference/reference_kernels.h"

namespace peregrine::kernels {

absl::StatusOr<Device> ParseDevice(absl::string_view name) {
  if (name == "reference") return Device::kReference;
  if (name == "cpu") return Device::kCpu;
  if (name == "cpu-onednn") return Device::kCpuOneDnn;
  return absl::InvalidArgumentError(absl::StrCat(
      "device is '", name, "', expected 'cpu', 'cpu-onednn' or 'reference'"));
}

absl::StatusOr<std::unique_ptr<Kernels>> MakeKernels(Device device) {
  if (device == Device::kReference) return std::make_unique<ReferenceKernels>();
  PEREGRINE_ASSIGN_OR_RETURN(const Isa isa, ChooseIsa());
  if (device == Device::kCpuOneDnn) return OneDnnKernels::Create(isa);
  return std::make_unique<CpuKernels>(isa);
}

}  // namespace peregrine::kernels
