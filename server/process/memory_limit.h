#ifndef PEREGRINE_SERVER_PROCESS_MEMORY_LIMIT_H_
#define PEREGRINE_SERVER_PROCESS_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>

namespace peregrine::server {

// What the control group mounted at `folder` allows, of either version; 0: no
// limit.
int64_t MemoryOfCgroup(const std::string& folder);

// What this process may have: its control group's, or all that the machine has.
int64_t MemoryLimit();

// What it has: resident.
int64_t ResidentMemory();

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_PROCESS_MEMORY_LIMIT_H_
