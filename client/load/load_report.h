#ifndef PEREGRINE_CLIENT_LOAD_LOAD_REPORT_H_
#define PEREGRINE_CLIENT_LOAD_LOAD_REPORT_H_

#include <string>

#include "absl/time/time.h"
#include "client/load/load_generator.h"
#include "client/load/load_recorder.h"

namespace peregrine::client {

// What a load has shown.
struct LoadReport {
  absl::Duration duration;  // reported on
  absl::Duration
      discarded;  // before it: still under the influence of the start
  bool steady = false;
  LoadWindow window;

  double PerSecond(std::int64_t count) const;
};

// `tolerance`: see FindSteadyState.
LoadReport MakeLoadReport(const LoadRecorder& recorder, double tolerance);

// For people: several lines.
std::string FormatLoadReport(const LoadReport& report,
                             const LoadOptions& options);

// For machines: one line, durations in seconds.
std::string ToJson(const LoadReport& report, const LoadOptions& options);

// "12s/22s  41.2 requests/s  p50 23.1 ms  p99 80.3 ms  8 in flight".
std::string FormatLoadProgress(const LoadProgress& progress,
                               const LoadOptions& options);

}  // namespace peregrine::client

#endif  // PEREGRINE_CLIENT_LOAD_LOAD_REPORT_H_
