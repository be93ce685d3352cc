#ifndef PEREGRINE_COMPARE_GPU_ENERGY_METER_H_
#define PEREGRINE_COMPARE_GPU_ENERGY_METER_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"

namespace peregrine::compare {

// Joules that NVIDIA's GPUs have taken, of all that runs on them, as their
// driver's NVML reports them (from Volta on). The library is loaded when a GPU
// is first watched, so that nothing needs it to be there. Not thread-safe.
class GpuEnergyMeter {
 public:
  explicit GpuEnergyMeter(const std::string& library) : library_(library) {}
  ~GpuEnergyMeter();
  GpuEnergyMeter(const GpuEnergyMeter&) = delete;
  GpuEnergyMeter& operator=(const GpuEnergyMeter&) = delete;

  // `gpu` is its PCI bus id, "0000:1B:00.0". UNAVAILABLE says what the machine
  // does not have or tell.
  absl::Status Watch(const std::string& gpu);

  // Since the last call for this GPU, or since it is watched. Null: not
  // reported, or not watched.
  absl::optional<double> JoulesSinceLast(const std::string& gpu);

 private:
  struct Watched {
    void* device = nullptr;
    unsigned long long last = 0;  // millijoules since the driver was loaded
  };
  // Of NVML, by their names there; 0 is success.
  struct Functions {
    int (*init)() = nullptr;
    int (*shutdown)() = nullptr;
    int (*handle_by_pci_bus_id)(const char* id, void** device) = nullptr;
    int (*total_energy)(void* device, unsigned long long* energy) = nullptr;
    const char* (*error_string)(int error) = nullptr;
  };

  absl::Status Load();
  absl::Status ToStatus(int error, const std::string& what) const;

  const std::string library_;
  void* handle_ = nullptr;
  Functions nvml_;
  std::map<std::string, Watched> watched_;
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_GPU_ENERGY_METER_H_
