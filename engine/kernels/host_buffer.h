#ifndef PEREGRINE_ENGINE_KERNELS_HOST_BUFFER_H_
#define PEREGRINE_ENGINE_KERNELS_HOST_BUFFER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

constexpr size_t kHugePageBytes = size_t{2} << 20;

// Host memory straight from the operating system: zeroed, aligned to pages,
// committed when first touched. From 2 MiB on it asks for huge pages, which
// spare a streaming matmul most of its TLB misses. A page that no one may touch
// follows the last one: running past the end faults instead of going unnoticed.
// RESOURCE_EXHAUSTED when the address space or the overcommit limit is spent.
absl::StatusOr<std::unique_ptr<Buffer>> AllocateHostBuffer(size_t bytes);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_HOST_BUFFER_H_
