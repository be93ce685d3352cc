#include "server/metrics/process_metrics.h"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace peregrine::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

void Append(MetricType type, const char* name, const char* help, double value,
            std::vector<MetricFamily>& families) {
  MetricFamily family;
  family.type = type;
  family.name = name;
  family.help = help;
  family.metric.resize(1);
  family.metric[0].counter.value = value;
  family.metric[0].gauge.value = value;
  families.push_back(std::move(family));
}

// Fields of /proc/self/stat, counted from 1 as in proc(5).
struct Stat {
  double user_ticks = 0;      // 14
  double system_ticks = 0;    // 15
  double start_ticks = 0;     // 22, since boot
  double virtual_bytes = 0;   // 23
  double resident_pages = 0;  // 24
};

bool ReadStat(Stat& stat) {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  // Field 2 is the program's name in brackets and may hold anything.
  const size_t bracket = line.rfind(')');
  if (bracket == std::string::npos) return false;
  std::istringstream fields(line.substr(bracket + 1));
  std::string state;
  fields >> state;
  double value = 0;
  for (int field = 4; field <= 24 && fields >> value; ++field) {
    if (field == 14) stat.user_ticks = value;
    if (field == 15) stat.system_ticks = value;
    if (field == 22) stat.start_ticks = value;
    if (field == 23) stat.virtual_bytes = value;
    if (field == 24) stat.resident_pages = value;
  }
  return stat.virtual_bytes > 0;
}

double BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  std::string key;
  double value = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    if (fields >> key >> value && key == "btime") return value;
  }
  return 0;
}

int OpenFiles() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the directory itself
}

}  // namespace

void AppendProcessMetrics(std::vector<MetricFamily>& families) {
  Stat stat;
  if (!ReadStat(stat)) return;
  const double ticks = sysconf(_SC_CLK_TCK);
  Append(MetricType::Counter, "process_cpu_seconds_total",
         "User and system CPU time.",
         (stat.user_ticks + stat.system_ticks) / ticks, families);
  Append(MetricType::Gauge, "process_resident_memory_bytes", "Resident memory.",
         stat.resident_pages * sysconf(_SC_PAGESIZE), families);
  Append(MetricType::Gauge, "process_virtual_memory_bytes", "Virtual memory.",
         stat.virtual_bytes, families);
  Append(MetricType::Gauge, "process_open_fds", "Open file descriptors.",
         OpenFiles(), families);
  static const double boot_time = BootTimeSeconds();
  Append(MetricType::Gauge, "process_start_time_seconds",
         "Start time, in seconds since the epoch.",
         boot_time + stat.start_ticks / ticks, families);
}

}  // namespace peregrine::server
