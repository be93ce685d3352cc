#include "server/process/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace peregrine::server {

int CpusOfQuota(absl::string_view cpu_max) {
  // "150000 100000": microseconds of CPU in each period; or "max 100000".
  const std::vector<absl::string_view> fields =
      absl::StrSplit(absl::StripAsciiWhitespace(cpu_max), ' ');
  int64_t quota = 0, period = 0;
  if (fields.size() != 2 || !absl::SimpleAtoi(fields[0], &quota) ||
      !absl::SimpleAtoi(fields[1], &period) || quota <= 0 || period <= 0) {
    return 0;
  }
  return static_cast<int>((quota + period - 1) / period);
}

int CpusOfCgroup(const std::string& folder) {
  const auto read = [&folder](const char* name) {
    std::ifstream file(absl::StrCat(folder, "/", name));
    std::string line;
    std::getline(file, line);
    return line;
  };
  if (const std::string line = read("cpu.max"); !line.empty()) {
    return CpusOfQuota(line);
  }
  // Version 1 has a file for each number; -1 is no limit.
  return CpusOfQuota(absl::StrCat(read("cpu/cpu.cfs_quota_us"), " ",
                                  read("cpu/cpu.cfs_period_us")));
}

int AvailableCpus() {
  cpu_set_t set;
  const int scheduled = sched_getaffinity(0, sizeof(set), &set) == 0
                            ? std::max(1, CPU_COUNT(&set))
                            : 1;
  const int quota = CpusOfCgroup("/sys/fs/cgroup");
  return quota > 0 ? std::min(scheduled, quota) : scheduled;
}

}  // namespace peregrine::server
