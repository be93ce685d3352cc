#include "compare/gpu_energy_meter.h"

#include <dlfcn.h>

#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"

namespace peregrine::compare {
namespace {

template <class Function>
bool Find(void* handle, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(handle, name));
  return *function != nullptr;
}

}  // namespace

GpuEnergyMeter::~GpuEnergyMeter() {
  if (handle_ == nullptr) return;
  nvml_.shutdown();
  dlclose(handle_);
}

absl::Status GpuEnergyMeter::Load() {
  if (handle_ != nullptr) return absl::OkStatus();
  void* const handle = dlopen(library_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return absl::UnavailableError(
        absl::StrCat("not reported by this machine: no ", library_));
  }
  const bool complete = Find(handle, "nvmlInit_v2", &nvml_.init) &&
                        Find(handle, "nvmlShutdown", &nvml_.shutdown) &&
                        Find(handle, "nvmlDeviceGetHandleByPciBusId_v2",
                             &nvml_.handle_by_pci_bus_id) &&
                        Find(handle, "nvmlDeviceGetTotalEnergyConsumption",
                             &nvml_.total_energy) &&
                        Find(handle, "nvmlErrorString", &nvml_.error_string);
  const absl::Status status =
      complete ? ToStatus(nvml_.init(), library_)
               : absl::UnavailableError(absl::StrCat(
                     library_, " has no nvmlDeviceGetTotalEnergyConsumption"));
  if (!status.ok()) {
    dlclose(handle);
    return status;
  }
  handle_ = handle;
  return absl::OkStatus();
}

absl::Status GpuEnergyMeter::ToStatus(int error,
                                      const std::string& what) const {
  if (error == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(what, ": ", nvml_.error_string(error)));
}

absl::Status GpuEnergyMeter::Watch(const std::string& gpu) {
  PEREGRINE_RETURN_IF_ERROR(Load());
  Watched watched;
  PEREGRINE_RETURN_IF_ERROR(
      ToStatus(nvml_.handle_by_pci_bus_id(gpu.c_str(), &watched.device), gpu));
  PEREGRINE_RETURN_IF_ERROR(
      ToStatus(nvml_.total_energy(watched.device, &watched.last), gpu));
  watched_[gpu] = watched;
  return absl::OkStatus();
}

absl::optional<double> GpuEnergyMeter::JoulesSinceLast(const std::string& gpu) {
  const auto found = watched_.find(gpu);
  if (found == watched_.end()) return absl::nullopt;
  Watched& watched = found->second;
  const unsigned long long before = watched.last;
  if (nvml_.total_energy(watched.device, &watched.last) != 0) {
    watched_.erase(found);
    return absl::nullopt;
  }
  return static_cast<double>(watched.last - before) * 1e-3;
}

}  // namespace peregrine::compare
