#ifndef PEREGRINE_CLIENT_COMPARE_ENERGY_METER_H_
#define PEREGRINE_CLIENT_COMPARE_ENERGY_METER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"

namespace peregrine::compare {

// Joules that the processor packages have taken, as Linux reports them under
// /sys/class/powercap (RAPL): of all that runs on them, not of one process.
// Usually only root may read it, and a virtual machine has none.
class EnergyMeter {
 public:
  explicit EnergyMeter(const std::string& folder = "/sys/class/powercap");

  // Whether joules can be told.
  bool available() const { return !packages_.empty(); }

  // Since the last call, or since the meter was made. Null: not available.
  absl::optional<double> JoulesSinceLast();

 private:
  struct Package {
    std::string energy_file;
    std::int64_t range = 0;  // microjoules at which the counter starts again
    std::int64_t last = 0;
  };

  std::vector<Package> packages_;
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_CLIENT_COMPARE_ENERGY_METER_H_
