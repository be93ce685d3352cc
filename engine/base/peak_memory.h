#ifndef PEREGRINE_ENGINE_BASE_PEAK_MEMORY_H_
#define PEREGRINE_ENGINE_BASE_PEAK_MEMORY_H_

#include <cstdint>

namespace peregrine {

// The most memory of this process that was resident, in bytes; 0: the kernel
// does not tell. Not ru_maxrss: that begins with the memory of the process
// which started this one.
int64_t PeakResidentBytes();

}  // namespace peregrine

#endif  // PEREGRINE_ENGINE_BASE_PEAK_MEMORY_H_
