#ifndef PEREGRINE_ENGINE_KERNELS_DEVICE_H_
#define PEREGRINE_ENGINE_KERNELS_DEVICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/kernels/kernels.h"

namespace peregrine::kernels {

// What computes: the plain loops of reference/ (the oracle of all tests), the
// optimised cpu/, or that with the matrix products of oneDNN.
enum class Device { kReference, kCpu, kCpuOneDnn };

// "reference", "cpu" or "cpu-onednn". INVALID_ARGUMENT names what was given and
// what exists.
absl::StatusOr<Device> ParseDevice(absl::string_view name);

// Kernels for the calling thread's use; one per worker.
absl::StatusOr<std::unique_ptr<Kernels>> MakeKernels(Device device);

}  // namespace peregrine::kernels

#endif  // PEREGRINE_ENGINE_KERNELS_DEVICE_H_
