#ifndef PEREGRINE_SERVER_CPU_COUNT_H_
#define PEREGRINE_SERVER_CPU_COUNT_H_

#include "absl/strings/string_view.h"

namespace peregrine::server {

// CPUs that this process may use at once, at least 1: those it may be scheduled
// on, or fewer where its container has a smaller quota (which C++'s
// hardware_concurrency does not see).
int AvailableCpus();

// The CPUs that the text of a cgroup's cpu.max allows, rounded up; 0: no limit.
int CpusOfQuota(absl::string_view cpu_max);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_CPU_COUNT_H_
