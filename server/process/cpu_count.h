#ifndef PEREGRINE_SERVER_PROCESS_CPU_COUNT_H_
#define PEREGRINE_SERVER_PROCESS_CPU_COUNT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace peregrine::server {

// CPUs that this process may use at once, at least 1: those it may be scheduled
// on, or fewer where its container has a smaller quota (which C++'s
// hardware_concurrency does not see).
int AvailableCpus();

// Those that the control group mounted at `folder` allows, of either version;
// 0: no limit. A container's own is at /sys/fs/cgroup.
int CpusOfCgroup(const std::string& folder);

// The CPUs that the text of a cgroup's cpu.max allows, rounded up; 0: no limit.
int CpusOfQuota(absl::string_view cpu_max);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_CPU_COUNT_H_
