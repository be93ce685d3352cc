#ifndef PEREGRINE_SERVER_OPTIONS_DEVICE_WORKERS_H_
#define PEREGRINE_SERVER_OPTIONS_DEVICE_WORKERS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/kernels/device.h"
#include "engine/kernels/kernels.h"

namespace peregrine::server {

// Workers of every model on one device.
struct DeviceWorkers {
  kernels::Device device;
  int num_workers = 0;  // 0: not said
  kernels::Precision precision = kernels::Precision::kFloat32;
};

// "cpu", "cpu:2" (workers), "cuda:0" or "cuda:0:2" (which GPU, workers); and so
// for the other devices of a CPU. INVALID_ARGUMENT names what was given and
// what is expected.
absl::StatusOr<DeviceWorkers> ParseDeviceWorkers(absl::string_view text);

// "cpu+cuda:0": for people and metrics.
std::string DeviceNames(absl::Span<const DeviceWorkers> devices);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_OPTIONS_DEVICE_WORKERS_H_
