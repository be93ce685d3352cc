#include "server/process/memory_limit.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace peregrine::server {
namespace {

// Version 1 says the largest multiple of a page for no limit.
constexpr int64_t kNoLimit = int64_t{1} << 60;

int64_t Read(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  int64_t bytes = 0;
  return absl::SimpleAtoi(line, &bytes) && bytes < kNoLimit ? bytes : 0;
}

}  // namespace

int64_t MemoryOfCgroup(const std::string& folder) {
  const int64_t version_2 = Read(absl::StrCat(folder, "/memory.max"));
  return version_2 > 0
             ? version_2
             : Read(absl::StrCat(folder, "/memory/memory.limit_in_bytes"));
}

int64_t MemoryLimit() {
  const int64_t machine =
      static_cast<int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  const int64_t cgroup = MemoryOfCgroup("/sys/fs/cgroup");
  return cgroup > 0 ? std::min(cgroup, machine) : machine;
}

int64_t ResidentMemory() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace peregrine::server
