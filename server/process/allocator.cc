#include "server/process/allocator.h"

#include <malloc.h>

namespace peregrine::server {

void ConfigureAllocator() {
  // Any value switches off its own adjustment, which is upwards only. Weights
  // are larger, what requests allocate is smaller.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

}  // namespace peregrine::server
