#ifndef PEREGRINE_ENGINE_KERNELS_HOST_ARENA_H_
#define PEREGRINE_ENGINE_KERNELS_HOST_ARENA_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// Host memory for many buffers that live as long as each other, such as the
// weights of a model: buffers too small for a huge page lie side by side in
// blocks that have them. A block is given back when the last of its buffers
// and the arena have gone. Buffers may outlive the arena.
//
// Built with PEREGRINE_GUARD_PAGES, as the presets of the sanitizers are, each
// buffer has a mapping of its own instead, so that running past its end faults.
class HostArena {
 public:
  // Zeroed and aligned to pages. RESOURCE_EXHAUSTED as of AllocateHostBuffer.
  absl::StatusOr<std::unique_ptr<Buffer>> Allocate(size_t bytes);

 private:
  std::shared_ptr<Buffer> block_;  // the last one, or null
  size_t used_ = 0;                // bytes of it
};

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_HOST_ARENA_H_
