#ifndef PEREGRINE_COMPARE_ENERGY_METER_H_
#define PEREGRINE_COMPARE_ENERGY_METER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/optional.h"

namespace peregrine::compare {

// Joules that the processor packages have taken, Intel's and AMD's, as Linux
// reports them under /sys/class/powercap (RAPL): of all that runs on them, not
// of one process. Usually only root may read it, and a virtual machine has
// none.
class EnergyMeter {
 public:
  explicit EnergyMeter(const std::string& folder);

  // Whether joules can be told.
  bool available() const { return !packages_.empty(); }

  // Why they cannot, for people; empty where they can.
  const std::string& reason() const { return reason_; }

  // Since the last call, or since the meter was made. Null: not available.
  absl::optional<double> JoulesSinceLast();

 private:
  struct Package {
    std::string energy_file;
    std::int64_t range = 0;  // microjoules at which the counter starts again
    std::int64_t last = 0;
  };

  void GiveUp(const std::string& file);

  std::vector<Package> packages_;
  std::string reason_;
};

}  // namespace peregrine::compare

#endif  // PEREGRINE_COMPARE_ENERGY_METER_H_
