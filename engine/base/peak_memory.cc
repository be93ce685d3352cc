#include "engine/base/peak_memory.h"

#include <fstream>
#include <string>

namespace peregrine {

int64_t PeakResidentBytes() {
  std::ifstream file("/proc/self/status");
  for (std::string key; file >> key;) {
    int64_t kilobytes = 0;
    if (key == "VmHWM:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace peregrine
