#include "compare/machine.h"

#include <sched.h>
#include <stdlib.h>

#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/kernels/cpu/isa.h"

namespace peregrine::compare {
namespace {

// The rest of the first line of `path` that starts with `key`.
std::string FindLine(const char* path, absl::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key.data(), key.size()) == 0) {
      const std::size_t colon = line.find(':');
      if (colon == std::string::npos) return "";
      return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
  }
  return "";
}

// Of /proc/meminfo, whose lines read "MemTotal:  24691234 kB".
std::int64_t Memory(absl::string_view key) {
  return std::strtoll(FindLine("/proc/meminfo", key).c_str(), nullptr, 10) *
         1024;
}

int CountCpus() {
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 0;
}

}  // namespace

Machine DescribeMachine() {
  Machine machine;
  machine.processor = FindLine("/proc/cpuinfo", "model name");
  machine.num_cpus = CountCpus();
  if (const auto isa = kernels::ChooseIsa(); isa.ok()) {
    machine.isa = std::string(kernels::IsaName(*isa));
  }
  machine.memory_bytes = Memory("MemTotal");
  if (double load = 0; getloadavg(&load, 1) == 1) machine.load = load;
  machine.date = absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone());
  return machine;
}

std::int64_t AvailableMemory() { return Memory("MemAvailable"); }

std::string FormatMachine(const Machine& machine) {
  return absl::StrFormat(
      "%s, %d CPU%s, %s, %.0f GB",
      machine.processor.empty() ? "unknown processor" : machine.processor,
      machine.num_cpus, machine.num_cpus == 1 ? "" : "s", machine.isa,
      static_cast<double>(machine.memory_bytes) / 1e9);
}

}  // namespace peregrine::compare
