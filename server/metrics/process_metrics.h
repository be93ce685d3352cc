#ifndef PEREGRINE_SERVER_METRICS_PROCESS_METRICS_H_
#define PEREGRINE_SERVER_METRICS_PROCESS_METRICS_H_

#include <vector>

#include "prometheus/metric_family.h"

namespace peregrine::server {

// The `process_` metrics that Prometheus' own client libraries export, as far
// as Linux tells them: CPU seconds, memory, open files, start time.
void AppendProcessMetrics(std::vector<prometheus::MetricFamily>& families);

}  // namespace peregrine::server

#endif  // PEREGRINE_SERVER_METRICS_PROCESS_METRICS_H_
