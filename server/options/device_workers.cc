#include "server/options/device_workers.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"

namespace peregrine::server {

using kernels::Device;

absl::StatusOr<DeviceWorkers> ParseDeviceWorkers(absl::string_view text) {
  std::vector<std::string> parts = absl::StrSplit(text, ':');
  // The number after "cuda" is part of the name.
  if ((parts[0] == "cuda" || parts[0] == "cuda-own") && parts.size() > 1) {
    parts[0] = absl::StrCat(parts[0], ":", parts[1]);
    parts.erase(parts.begin() + 1);
  }
  DeviceWorkers workers;
  PEREGRINE_ASSIGN_OR_RETURN(workers.device, kernels::ParseDevice(parts[0]));
  if (parts.size() == 1) return workers;
  if (parts.size() > 2 || !absl::SimpleAtoi(parts[1], &workers.num_workers) ||
      workers.num_workers < 1 || workers.num_workers > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("found '", text,
                     "', expected DEVICE or DEVICE:WORKERS of "
                     "1 to 1024, as in cpu:2 or cuda:0:1"));
  }
  return workers;
}

std::string DeviceNames(absl::Span<const DeviceWorkers> devices) {
  return absl::StrJoin(
      devices, "+", [](std::string* names, const DeviceWorkers& workers) {
        switch (workers.device.kind) {
          case Device::Kind::kReference:
            return absl::StrAppend(names, "reference");
          case Device::Kind::kCpu:
            return absl::StrAppend(names, "cpu");
          case Device::Kind::kCpuOneDnn:
            return absl::StrAppend(names, "cpu-onednn");
          case Device::Kind::kCuda:
            return absl::StrAppend(
                names, workers.device.own_products ? "cuda-own:" : "cuda:",
                workers.device.index);
        }
      });
}

}  // namespace peregrine::server
