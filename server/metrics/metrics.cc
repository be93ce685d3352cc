#include "server/metrics/metrics.h"

#include <deque>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "engine/base/check.h"
#include "server/metrics/process_metrics.h"

namespace peregrine::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

// Always exported, so that rates start at zero; others once they occur.
constexpr absl::StatusCode kUsualOutcomes[] = {
    absl::StatusCode::kOk,
    absl::StatusCode::kCancelled,
    absl::StatusCode::kInvalidArgument,
    absl::StatusCode::kDeadlineExceeded,
    absl::StatusCode::kResourceExhausted,
    absl::StatusCode::kUnavailable,
    absl::StatusCode::kInternal};

bool IsUsual(absl::StatusCode code) {
  for (absl::StatusCode usual : kUsualOutcomes) {
    if (code == usual) return true;
  }
  return false;
}

// The families of one scrape, in the order in which they are added.
class Page {
 public:
  // Good as long as the page: a deque moves nothing as it grows.
  MetricFamily& Add(MetricType type, const char* name, const char* help) {
    MetricFamily& family = families_.emplace_back();
    family.type = type;
    family.name = name;
    family.help = help;
    return family;
  }

  std::vector<MetricFamily> Take() {
    return {std::make_move_iterator(families_.begin()),
            std::make_move_iterator(families_.end())};
  }

 private:
  std::deque<MetricFamily> families_;
};

ClientMetric WithLabels(Labels labels) {
  ClientMetric metric;
  metric.label = std::move(labels);
  return metric;
}

void AddCounter(double value, Labels labels, MetricFamily& family) {
  ClientMetric metric = WithLabels(std::move(labels));
  metric.counter.value = value;
  family.metric.push_back(std::move(metric));
}

void AddGauge(double value, Labels labels, MetricFamily& family) {
  ClientMetric metric = WithLabels(std::move(labels));
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

void AddOutcomes(const OutcomeCounter& counter, bool all, const Labels& labels,
                 MetricFamily& family) {
  for (int code = 0; code <= 16; ++code) {
    const auto outcome = static_cast<absl::StatusCode>(code);
    const int64_t value = counter.value(outcome);
    if (value == 0 && !(all && IsUsual(outcome))) continue;
    Labels with_outcome = labels;
    with_outcome.push_back(
        {"outcome", absl::AsciiStrToLower(absl::StatusCodeToString(outcome))});
    AddCounter(static_cast<double>(value), std::move(with_outcome), family);
  }
}

void AddHistogram(const Histogram& histogram, Labels labels,
                  MetricFamily& family) {
  const Histogram::Snapshot snapshot = histogram.snapshot();
  ClientMetric metric = WithLabels(std::move(labels));
  for (size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    ClientMetric::Bucket bucket;
    bucket.cumulative_count = snapshot.cumulative[i];
    bucket.upper_bound = i < histogram.bounds().size()
                             ? histogram.bounds()[i]
                             : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back(bucket);
  }
  metric.histogram.sample_count = snapshot.cumulative.back();
  metric.histogram.sample_sum = snapshot.sum;
  family.metric.push_back(std::move(metric));
}

}  // namespace

void OutcomeCounter::Add(absl::StatusCode code, int64_t n) {
  counters_[static_cast<int>(code)].Add(n);
}

int64_t OutcomeCounter::value(absl::StatusCode code) const {
  return counters_[static_cast<int>(code)].value();
}

std::shared_ptr<ModelMetrics> Metrics::OfModel(absl::string_view name) const {
  absl::MutexLock lock(&mutex_);
  const auto it = models_.find(name);
  return it != models_.end() ? it->second.metrics
                             : std::make_shared<ModelMetrics>();
}

void Metrics::SetModel(Model model) {
  absl::MutexLock lock(&mutex_);
  models_[model.info.name] = std::move(model);
}

void Metrics::RemoveModel(absl::string_view name) {
  absl::MutexLock lock(&mutex_);
  const auto it = models_.find(name);
  if (it != models_.end()) models_.erase(it);
}

void Metrics::SetConnections(
    std::function<ConnectionCounts()> read_connections) {
  absl::MutexLock lock(&mutex_);
  read_connections_ = std::move(read_connections);
}

std::vector<MetricFamily> Metrics::Collect() const {
  const auto counter = MetricType::Counter;
  const auto gauge = MetricType::Gauge;
  const auto histogram = MetricType::Histogram;
  Page page;
  MetricFamily& requests = page.Add(
      counter, "peregrine_requests_total",
      "Calls and texts of streams by outcome (a gRPC code in lower case). "
      "An empty model: the request named none that is served.");
  MetricFamily& request_seconds = page.Add(
      histogram, "peregrine_request_seconds",
      "From the arrival of a request to its answer, of those that succeeded.");
  MetricFamily& sentences =
      page.Add(counter, "peregrine_sentences_total", "Sentences by outcome.");
  MetricFamily& queue_seconds =
      page.Add(histogram, "peregrine_queue_seconds",
               "Of a translated sentence, from the queue to a worker.");
  MetricFamily& encode_seconds = page.Add(
      histogram, "peregrine_encode_seconds",
      "Of a translated sentence in the encoder, batch-mates included.");
  MetricFamily& decode_seconds = page.Add(
      histogram, "peregrine_decode_seconds",
      "Of a translated sentence from the end of encoding to the last token.");
  MetricFamily& output_token_seconds =
      page.Add(histogram, "peregrine_output_token_seconds",
               "Decoding seconds of a sentence divided by its target tokens.");
  MetricFamily& source_tokens =
      page.Add(counter, "peregrine_source_tokens_total",
               "Tokens read, of sentences that were translated.");
  MetricFamily& target_tokens =
      page.Add(counter, "peregrine_target_tokens_total",
               "Tokens of the best hypotheses, without end symbols.");
  MetricFamily& admission_tokens =
      page.Add(histogram, "peregrine_admission_tokens",
               "Source tokens of one encoder run (packed: none is padding).");
  MetricFamily& step_rows = page.Add(histogram, "peregrine_step_rows",
                                     "Live hypotheses of one decode step.");
  MetricFamily& busy_seconds =
      page.Add(counter, "peregrine_worker_busy_seconds_total",
               "Time that workers spent encoding and decoding.");
  MetricFamily& lost_workers =
      page.Add(counter, "peregrine_lost_workers_total",
               "Workers that were taken out since their device failed.");
  MetricFamily& workers =
      page.Add(gauge, "peregrine_workers", "Worker threads.");
  MetricFamily& queue_sentences =
      page.Add(gauge, "peregrine_queue_sentences", "Sentences that wait.");
  MetricFamily& queue_tokens = page.Add(gauge, "peregrine_queue_source_tokens",
                                        "Source tokens that wait.");
  MetricFamily& queue_age =
      page.Add(gauge, "peregrine_queue_oldest_age_seconds",
               "Age of the sentence that waits longest.");
  MetricFamily& max_queue_sentences =
      page.Add(gauge, "peregrine_queue_max_sentences",
               "Sentences that may wait: --max-queue-sentences.");
  MetricFamily& max_queue_tokens =
      page.Add(gauge, "peregrine_queue_max_source_tokens",
               "Source tokens that may wait: --max-queue-tokens.");
  MetricFamily& max_batch_rows =
      page.Add(gauge, "peregrine_batch_max_rows",
               "Live hypotheses that one worker may have: --max-batch-rows.");
  MetricFamily& max_batch_tokens =
      page.Add(gauge, "peregrine_batch_max_source_tokens",
               "Source tokens of live sentences that one worker may have: "
               "--max-batch-tokens.");
  MetricFamily& weights_bytes =
      page.Add(gauge, "peregrine_model_weights_bytes",
               "Memory of the weights, shared by the workers of the model.");
  MetricFamily& parameters = page.Add(gauge, "peregrine_model_parameters",
                                      "Number of the model's parameters.");
  MetricFamily& device_memory = page.Add(
      gauge, "peregrine_device_memory_bytes",
      "Memory that this process has taken of a GPU: used by models and "
      "workers, or still free for more of them. Their sum is what "
      "--gpu-memory-mib allows.");
  MetricFamily& connections =
      page.Add(gauge, "peregrine_connections", "Open gRPC connections.");
  MetricFamily& max_connections =
      page.Add(gauge, "peregrine_max_connections",
               "gRPC connections that may be open: --max-connections, or as "
               "many as the process may have files for.");
  MetricFamily& refused_connections =
      page.Add(counter, "peregrine_refused_connections_total",
               "gRPC connections that were closed at once, since there were "
               "as many as may be.");
  MetricFamily& model_info =
      page.Add(gauge, "peregrine_model_info",
               "Constant 1; the labels describe the model.");
  MetricFamily& build_info = page.Add(gauge, "peregrine_build_info",
                                      "Constant 1; the labels say what runs.");

  AddGauge(1, {{"version", PEREGRINE_VERSION}, {"compiler", __VERSION__}},
           build_info);
  AddOutcomes(requests_without_model_, /*all=*/false, {{"model", ""}},
              requests);
  absl::MutexLock lock(&mutex_);
  if (read_connections_ != nullptr) {
    const ConnectionCounts counts = read_connections_();
    AddGauge(counts.open, {}, connections);
    AddGauge(counts.max, {}, max_connections);
    AddCounter(counts.refused, {}, refused_connections);
  }
  // One device's is what all models there say.
  std::map<std::string, DeviceMemory> memory_of_devices;
  for (const auto& [name, entry] : models_) {
    const ModelMetrics& m = *entry.metrics;
    const Labels model = {{"model", entry.info.name}};
    const Labels device = {{"model", entry.info.name},
                           {"device", entry.info.device},
                           {"precision", entry.info.precision}};
    AddOutcomes(m.requests, /*all=*/true, model, requests);
    AddHistogram(m.request_seconds, model, request_seconds);
    AddOutcomes(m.sentences, /*all=*/true, device, sentences);
    AddHistogram(m.queue_seconds, device, queue_seconds);
    AddHistogram(m.encode_seconds, device, encode_seconds);
    AddHistogram(m.decode_seconds, device, decode_seconds);
    AddHistogram(m.output_token_seconds, device, output_token_seconds);
    AddCounter(m.source_tokens.value(), device, source_tokens);
    AddCounter(m.target_tokens.value(), device, target_tokens);
    AddHistogram(m.admission_tokens, device, admission_tokens);
    AddHistogram(m.step_rows, device, step_rows);
    AddCounter(m.worker_busy_nanoseconds.value() * 1e-9, device, busy_seconds);
    AddCounter(m.lost_workers.value(), device, lost_workers);
    AddGauge(entry.capacity.workers, device, workers);
    AddGauge(entry.capacity.queue_sentences, model, max_queue_sentences);
    AddGauge(entry.capacity.queue_source_tokens, model, max_queue_tokens);
    AddGauge(entry.capacity.batch_rows, device, max_batch_rows);
    AddGauge(entry.capacity.batch_source_tokens, device, max_batch_tokens);
    AddGauge(entry.info.weights_bytes, device, weights_bytes);
    AddGauge(entry.info.parameters, model, parameters);
    AddGauge(1,
             {{"model", entry.info.name},
              {"source_language", entry.info.source_language},
              {"target_language", entry.info.target_language},
              {"architecture", entry.info.architecture}},
             model_info);
    if (entry.read_device_memory != nullptr) {
      for (DeviceMemory& memory : entry.read_device_memory()) {
        memory_of_devices[memory.device] = memory;
      }
    }
    if (entry.read_queue == nullptr) continue;
    const QueueGauges queue = entry.read_queue();
    AddGauge(queue.sentences, model, queue_sentences);
    AddGauge(queue.source_tokens, model, queue_tokens);
    AddGauge(absl::ToDoubleSeconds(queue.oldest_age), model, queue_age);
  }

  for (const auto& [device, memory] : memory_of_devices) {
    AddGauge(memory.used_bytes, {{"device", device}, {"kind", "used"}},
             device_memory);
    AddGauge(memory.free_bytes, {{"device", device}, {"kind", "free"}},
             device_memory);
  }

  std::vector<MetricFamily> families = page.Take();
  AppendProcessMetrics(families);
  return families;
}

}  // namespace peregrine::server
